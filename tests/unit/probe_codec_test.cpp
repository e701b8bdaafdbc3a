#include <gtest/gtest.h>

#include <random>
#include <tuple>

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

std::string any_bytes(std::mt19937& random, std::size_t most) {
  std::string bytes(random() % (most + 1), '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

Fields any_fields(std::mt19937& random) {
  Fields fields(random() % 4);
  for (auto& [name, value] : fields) name = any_bytes(random, 20), value = any_bytes(random, 20);
  return fields;
}

// Every field of an attempt, so that one that the codec forgets is found.
Attempt any_attempt(std::mt19937& random) {
  Attempt attempt = sample();
  attempt.sequence = random() + 1ULL;
  attempt.id = any_bytes(random, 30);
  attempt.protocol = random() % 2 == 0 ? Protocol::http1 : Protocol::http2;
  attempt.name = any_bytes(random, 30);
  attempt.address = random() % 2 == 0 ? "192.0.2.7" : "2001:db8::7";
  attempt.port = static_cast<std::uint16_t>(1 + random() % 65535);
  attempt.family = static_cast<Family>(random() % 3);
  attempt.over_tls = random() % 2 == 0;
  if (random() % 2 == 0) attempt.sni = any_bytes(random, 30);
  for (std::size_t i = random() % 3; i > 0; --i) attempt.alpn.push_back("p" + any_bytes(random, 254));
  attempt.ech_extension = random() % 2 == 0;
  attempt.tls_version = std::vector<std::string>{"", "1.2", "1.3"}[random() % 3];
  attempt.hello_segments = static_cast<int>(1 + random() % 64);
  attempt.host = "h" + any_bytes(random, 30);
  attempt.method = any_bytes(random, 10);
  attempt.path = any_bytes(random, 30);
  attempt.headers = any_fields(random);
  attempt.fields = any_fields(random);
  if (attempt.protocol == Protocol::http1 && !attempt.fields.empty()) attempt.http_version = "1.0";
  attempt.payload = any_bytes(random, 50);
  attempt.follow_redirects = static_cast<int>(random() % 21);
  if (random() % 2 == 0) attempt.earlier = EarlierRequest{any_bytes(random, 10), any_bytes(random, 10)};
  if (attempt.protocol == Protocol::http1 && random() % 2 == 0) {
    attempt.fields.clear();
    attempt.earlier.reset();
    attempt.follow_redirects = 0;
    attempt.http_version = "1.1";
    attempt.payload.clear();
    attempt.ticks = {std::chrono::milliseconds(100 + random() % 1000), std::chrono::milliseconds(random() % 600001)};
  }
  attempt.query_type = any_bytes(random, 5);
  attempt.query_transport = random() % 2 == 0 ? "udp" : "tcp";
  attempt.server = random() % 2 == 0 ? "" : "192.0.2.53";
  for (auto* limit : {&attempt.limits.resolve, &attempt.limits.connect, &attempt.limits.tls, &attempt.limits.response})
    *limit = std::chrono::milliseconds(random() % 600001);
  return attempt;
}

auto tied(const Attempt& a) {
  return std::tie(a.sequence, a.id, a.nonce, a.protocol, a.name, a.address, a.port, a.family, a.over_tls, a.sni, a.alpn,
                  a.ech_extension, a.tls_version, a.hello_segments, a.host, a.method, a.path, a.headers, a.fields,
                  a.http_version, a.payload, a.follow_redirects, a.query_type, a.query_transport, a.server,
                  a.limits.resolve, a.limits.connect, a.limits.tls, a.limits.response);
}

TEST(AttemptCodec, MutualTlsAroundAHandshakeSurvivesTheRoundTrip) {
  Attempt attempt = sample();
  attempt.protocol = Protocol::tls;
  EXPECT_FALSE(decode_attempt(encode(attempt))->outer);
  attempt.outer = OuterTls{"a\xff{nonce}"};
  const auto back = decode_attempt(encode(attempt));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->outer, attempt.outer);
  Attempt pieces = attempt;
  pieces.hello_segments = 2;
  EXPECT_FALSE(decode_attempt(encode(pieces))) << "an inner handshake waits for nobody's clock";
  attempt.protocol = Protocol::tcp;
  const auto raw = decode_attempt(encode(attempt));
  ASSERT_FALSE(raw);
  EXPECT_EQ(raw.error().message, "'outer' is for protocol tls alone");
}

TEST(AttemptCodec, EveryFieldSurvivesTheRoundTrip) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    const Attempt attempt = any_attempt(random);
    const auto back = decode_attempt(encode(attempt));
    ASSERT_TRUE(back) << back.error().message << encode(attempt);
    EXPECT_TRUE(tied(*back) == tied(attempt)) << encode(attempt);
    ASSERT_EQ(back->earlier.has_value(), attempt.earlier.has_value());
    if (attempt.earlier) {
      EXPECT_EQ(back->earlier->host + back->earlier->path, attempt.earlier->host + attempt.earlier->path);
    }
    ASSERT_EQ(back->ticks.has_value(), attempt.ticks.has_value());
    if (attempt.ticks) {
      EXPECT_EQ(back->ticks->every, attempt.ticks->every);
      EXPECT_EQ(back->ticks->lasting, attempt.ticks->lasting);
    }
  }
}

Observation any_observation(std::mt19937& random) {
  Observation seen;
  seen.sequence = random();
  seen.attempt_id = any_bytes(random, 30);
  seen.nonce = any_bytes(random, 32);
  seen.code = static_cast<Code>(random() % (static_cast<unsigned>(Code::local_error) + 1));
  seen.reached = static_cast<Stage>(random() % 5);
  for (std::size_t i = random() % 6; i > 0; --i)
    seen.stages.push_back({static_cast<Stage>(random() % 5), Code::ok, std::chrono::microseconds(random())});
  seen.started_at = std::chrono::microseconds(random());
  seen.finished_at = std::chrono::microseconds(random());
  for (auto* texts : {&seen.addresses, &seen.redirects, &seen.dns_answers})
    for (std::size_t i = random() % 3; i > 0; --i) texts->push_back(any_bytes(random, 30));
  for (auto* text : {&seen.peer, &seen.local, &seen.http_version, &seen.server_header, &seen.alpn, &seen.tls_version,
                     &seen.certificate, &seen.body_excerpt, &seen.detail})
    *text = any_bytes(random, 30);
  if (random() % 2 == 0) seen.http_status = static_cast<int>(random() % 1000);
  if (random() % 2 == 0)
    seen.answer = Answer{any_bytes(random, 9), any_bytes(random, 9), random(), any_bytes(random, 9)};
  seen.bytes_received = random();
  for (std::size_t i = random() % 4; i > 0; --i) {
    seen.ticks.push_back({std::chrono::microseconds(random()), {}, static_cast<int>(random() % 1000)});
    if (random() % 2 == 0) seen.ticks.back().answered_after = std::chrono::microseconds(random());
  }
  return seen;
}

auto tied(const Observation& o) {
  return std::tie(o.sequence, o.attempt_id, o.nonce, o.code, o.reached, o.started_at, o.finished_at, o.addresses,
                  o.peer, o.local, o.http_status, o.http_version, o.server_header, o.alpn, o.tls_version, o.certificate,
                  o.body_excerpt, o.bytes_received, o.redirects, o.dns_answers, o.detail);
}

TEST(ObservationCodec, EveryFieldSurvivesTheRoundTrip) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    const Observation seen = any_observation(random);
    const auto back = decode_observation(encode(seen));
    ASSERT_TRUE(back) << back.error().message << encode(seen);
    EXPECT_TRUE(tied(*back) == tied(seen)) << encode(seen);
    ASSERT_EQ(back->stages.size(), seen.stages.size());
    for (std::size_t i = 0; i < seen.stages.size(); ++i) {
      EXPECT_EQ(back->stages[i].stage, seen.stages[i].stage);
      EXPECT_EQ(back->stages[i].took, seen.stages[i].took);
    }
    ASSERT_EQ(back->ticks.size(), seen.ticks.size());
    for (std::size_t i = 0; i < seen.ticks.size(); ++i) {
      EXPECT_EQ(back->ticks[i].sent_at, seen.ticks[i].sent_at);
      EXPECT_EQ(back->ticks[i].answered_after, seen.ticks[i].answered_after);
      EXPECT_EQ(back->ticks[i].status, seen.ticks[i].status);
    }
    ASSERT_EQ(back->answer.has_value(), seen.answer.has_value());
    if (seen.answer) {
      EXPECT_EQ(back->answer->mac + back->answer->fixture, seen.answer->mac + seen.answer->fixture);
    }
  }
}

// A mutated line is refused with a place in it, or means what encode() then writes.
TEST(AttemptCodec, MutatedLinesNeverCrash) {
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string line = encode(any_attempt(random));
    for (std::size_t i = 0; i <= random() % 3; ++i) {
      const std::size_t at = random() % line.size();
      if (random() % 2 == 0)
        line[at] = static_cast<char>(random());
      else
        line.erase(at, 1 + random() % 5);
    }
    const auto decoded = decode_attempt(line);
    if (!decoded) {
      ++refused;
      EXPECT_FALSE(decoded.error().message.empty());
      EXPECT_LE(decoded.error().column, static_cast<int>(line.size()) + 1);
    } else {
      EXPECT_TRUE(decode_attempt(encode(*decoded)));
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(AttemptCodec, ANumberBeyondAllBoundsIsAMistake) {
  EXPECT_FALSE(decode_attempt(R"({"type":"attempt","sequence":1e9999})"));
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
      {"ticks_ms", {{"every", 0}, {"lasting", 9}}, "'every' counts from 1"},
      {"ticks_ms", {{"every", 10}}, "missing key 'lasting'"},
      {"ticks_ms", {{"every", 1}, {"lasting", 600000}}, "an attempt has at most 10000 ticks"},
      {"family", "ipv5", "unknown family 'ipv5' (ipv4, ipv6 or any)"},
      {"sequence", 0, "'sequence' counts from 1"},
      {"over_tls", "yes", "'over_tls' must be true or false"},
      {"host", 5, "'host' must be a string"},
      {"alpn", "h2", "'alpn' must be a list"},
      {"headers", Json::array({1}), "'headers' must be a list of [name, value]"},
      {"limits_ms", {{"dail", 1}}, "unknown key 'dail'"},
      {"http_version", "1.0", "'http_version' needs protocol http/1.1 and 'fields'"},
      {"http_version", "one", "'http_version' must be like \"1.0\""},
      {"query_transport", "quic", "unknown transport 'quic' (udp or tcp)"},
      {"alpn", Json::array({""}), "an ALPN protocol has 1 to 255 bytes"},
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
  for (const char* key : {"fields", "earlier", "follow_redirects"}) {
    Json json = Json::parse(encode(sample()));
    json["protocol"] = "tcp";
    json["fields"] = Json::array({{"a", "b"}});
    if (std::string(key) != "fields") json.erase("fields");
    if (std::string(key) == "earlier") json[key] = {{"host", "a"}};
    if (std::string(key) == "follow_redirects") json[key] = 1;
    EXPECT_EQ(decode_attempt(json.dump()).error().message, "'" + std::string(key) + "' is for HTTP attempts only");
  }
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
  EXPECT_EQ(errors({one, two, "\xff", closing(2, both)}), Errors{"batch b: unexpected line: \xc3\xbf"});
  EXPECT_EQ(errors({one, two.substr(0, 40)}),
            (Errors{"batch b: unexpected line: " + two.substr(0, 40),
                    "batch b: the stream ended without a closing record", "batch b: no observation of attempt 2"}));
  EXPECT_EQ(errors({one, two, "garbage", closing(2, both)}), Errors{"batch b: unexpected line: garbage"});
}

TEST_F(BatchReaderTest, AClosingRecordThatIsWrongDoesNotClose) {
  BatchReader reader("b", {sample()});
  EXPECT_FALSE(reader.feed(observation(1)));
  EXPECT_TRUE(reader.feed(closing(2, observation(1) + "\n")));
  EXPECT_FALSE(reader.finish().closed);
}

TEST_F(BatchReaderTest, AskingTwiceIsAnErrorOfTheRunner) {
  BatchReader reader("b", {sample(), sample()});
  EXPECT_EQ(reader.finish().errors.front(), "batch b: attempt 1 was asked for twice");
}

TEST(Classify, FindsTheAnswerAndItsParts) {
  const std::string line =
      "egressproof fixture=allow nonce=" + nonce + " receipt=17 mac=" + std::string(64, 'a') + "\n";
  const auto answer = find_answer("junk\n" + line);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->fixture, "allow");
  EXPECT_EQ(answer->receipt, 17U);
  EXPECT_FALSE(find_answer(line.substr(0, line.size() - 1)));
  EXPECT_TRUE(find_answer("{\"keys\":[],\"answer\":\"" + line.substr(0, line.size() - 1) + "\"}")) << "within JSON";
  EXPECT_TRUE(find_answer("egressproof fixture=egressproof fixture=?" + line)) << "after a false beginning";
}

TEST(Classify, CodeNamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(Code::local_error); ++i)
    EXPECT_EQ(code_from(to_string(static_cast<Code>(i))), static_cast<Code>(i));
}

}  // namespace
}  // namespace egressproof::probe
