#include <gtest/gtest.h>

#include <random>

#include "base/crypto.h"
#include "base/json.h"
#include "probe/classify.h"
#include "probe/codec.h"

namespace egressproof::probe {
namespace {

const std::string nonce = "0123456789abcdef0123456789abcdef";

Attempt sample() {
  Attempt attempt;
  attempt.sequence = 1;
  attempt.nonce = nonce;
  attempt.address = "192.0.2.1";
  attempt.port = 80;
  attempt.host = "allow.test";
  return attempt;
}

TEST(AttemptCodec, AnyBytesSurviveTheRoundTrip) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    Attempt attempt = sample();
    attempt.payload.assign(random() % 50, '\0');
    for (char& c : attempt.payload) c = static_cast<char>(random());
    attempt.host = "a\xff\x01" + std::to_string(round);
    attempt.sni = "";
    attempt.earlier = EarlierRequest{"b", "/c"};
    attempt.headers = {{"x", "\x80"}};
    const auto back = decode_attempt(encode(attempt));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(encode(*back), encode(attempt));
    EXPECT_EQ(back->payload, attempt.payload);
    EXPECT_EQ(back->host, attempt.host);
    EXPECT_EQ(back->sni, "");
  }
}

struct Mistake {
  const char* key;
  Json value;
  std::string message;
};

TEST(AttemptCodec, MistakesAreNamed) {
  const std::vector<Mistake> mistakes = {
      {"prot", 1, "unknown key 'prot' (did you mean 'port'?)"},
      {"nonce", "XYZ", "'nonce' must be 32 lower-case hex digits"},
      {"port", 70000, "'port' must be a whole number from 0 to 65535"},
      {"port", 0, "'port' must be from 1 to 65535"},
      {"address", "localhost", "'address' must be an IP literal, not 'localhost'"},
      {"protocol", "gopher", "unknown protocol 'gopher'"},
      {"family", "ipv5", "unknown family 'ipv5' (ipv4, ipv6 or any)"},
      {"sequence", 0, "'sequence' counts from 1"},
      {"over_tls", "yes", "'over_tls' must be true or false"},
      {"host", 5, "'host' must be a string"},
      {"alpn", "h2", "'alpn' must be a list"},
      {"headers", Json::array({1}), "'headers' must be a list of [name, value]"},
      {"limits_ms", {{"dail", 1}}, "unknown key 'dail'"},
      {"follow_redirects", 99, "'follow_redirects' must be a whole number from 0 to 20"},
  };
  for (const Mistake& mistake : mistakes) {
    Json json = Json::parse(encode(sample()));
    json[mistake.key] = mistake.value;
    const auto decoded = decode_attempt(json.dump());
    ASSERT_FALSE(decoded) << mistake.key;
    EXPECT_EQ(decoded.error().message, mistake.message);
    EXPECT_GT(decoded.error().column, 0) << mistake.key;
  }
  EXPECT_EQ(decode_attempt("{\"a\"").error().message, "not JSON");
}

class BatchReaderTest : public testing::Test {
 protected:
  static std::string observation(std::uint64_t sequence, const std::string& of_nonce = nonce) {
    Observation seen;
    seen.sequence = sequence;
    seen.nonce = of_nonce;
    seen.code = Code::ok;
    return encode(seen);
  }
  static std::string closing(std::uint64_t count, const std::string& lines) {
    return Json{{"type", "closing"}, {"batch", "b"}, {"count", count}, {"sha256", sha256_hex(lines)}}.dump();
  }
  static std::vector<std::string> errors(const std::vector<std::string>& lines) {
    Attempt second = sample();
    second.sequence = 2;
    BatchReader reader("b", {sample(), second});
    for (const std::string& line : lines) reader.feed(line);
    return reader.finish().errors;
  }
  using Errors = std::vector<std::string>;
};

TEST_F(BatchReaderTest, CompleteBatchHasNoErrors) {
  const std::string one = observation(1);
  const std::string two = observation(2);
  EXPECT_EQ(errors({two, one, closing(2, two + "\n" + one + "\n")}), Errors{});
}

TEST_F(BatchReaderTest, WhateverIsWrongIsTold) {
  const std::string one = observation(1);
  const std::string two = observation(2);
  const std::string both = one + "\n" + two + "\n";
  EXPECT_EQ(errors({one, closing(1, one + "\n")}), Errors{"batch b: no observation of attempt 2"});
  EXPECT_EQ(errors({one, two}), Errors{"batch b: the stream ended without a closing record"});
  EXPECT_EQ(errors({one, two, one, closing(3, both + one + "\n")}), Errors{"batch b: observation 1 came twice"});
  EXPECT_EQ(errors({one, two, observation(9), closing(3, both + observation(9) + "\n")}),
            Errors{"batch b: observation of attempt 9, which was not asked for"});
  EXPECT_EQ(errors({one, two, closing(5, both)}), Errors{"batch b: closing record counts 5 observations, 2 came"});
  EXPECT_EQ(errors({one, two, closing(2, "other")}),
            Errors{"batch b: closing record's hash does not fit the lines that came"});
  EXPECT_EQ(errors({one, two, closing(2, both), two}), Errors{"batch b: a line after the closing record"});
  const std::string foreign = observation(2, "ffffffffffffffffffffffffffffffff");
  EXPECT_EQ(errors({one, foreign, closing(2, one + "\n" + foreign + "\n")}),
            (Errors{"batch b: observation 2 has another attempt's nonce", "batch b: no observation of attempt 2"}));
  EXPECT_EQ(errors({one, two, "garbage", closing(2, both)}), Errors{"batch b: unexpected line: garbage"});
}

TEST(Classify, FindsTheAnswerAndItsParts) {
  const std::string line =
      "egressproof fixture=allow nonce=" + nonce + " receipt=17 mac=" + std::string(64, 'a') + "\n";
  const auto answer = find_answer("junk\n" + line);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->fixture, "allow");
  EXPECT_EQ(answer->receipt, 17U);
  EXPECT_FALSE(find_answer(line.substr(0, line.size() - 1)));
}

TEST(Classify, CodeNamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(Code::local_error); ++i)
    EXPECT_EQ(code_from(to_string(static_cast<Code>(i))), static_cast<Code>(i));
}

}  // namespace
}  // namespace egressproof::probe
