// The real egressproof-probe over pipes: whatever goes wrong in a batch is told, and its closing record comes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

#include "base/crypto.h"
#include "base/json.h"
#include "base/unique_fd.h"
#include "probe/codec.h"
#include "runner/process/child.h"

namespace egressproof {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string program = std::string(EGRESSPROOF_BINARY_DIR) + "/egressproof-probe";

// To a port of loopback where nothing listens: over at once.
probe::Attempt attempt(std::uint64_t sequence) {
  probe::Attempt made;
  made.sequence = sequence;
  made.nonce = random_hex(16);
  made.protocol = probe::Protocol::tcp;
  made.address = "127.0.0.1";
  made.port = 1;
  return made;
}

std::vector<Json> run(const std::string& input) {
  auto finished = process::run({{program}, {}, {}}, milliseconds(20000), input);
  EXPECT_TRUE(finished) << (finished ? "" : finished.error().message);
  std::vector<Json> lines;
  if (!finished) return lines;
  EXPECT_EQ(process::to_string(finished->how), "exit code 0");
  std::string_view rest = finished->out;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    EXPECT_NE(end, std::string_view::npos) << "the last line is whole";
    lines.push_back(Json::parse(rest.substr(0, end), nullptr, false));
    EXPECT_FALSE(lines.back().is_discarded()) << rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return lines;
}

std::vector<std::string> types_of(const std::vector<Json>& lines) {
  std::vector<std::string> types;
  for (const Json& line : lines) types.push_back(line.value("type", "?"));
  return types;
}

TEST(ProbeProgram, SaysHelloWithItsFeatures) {
  const auto lines = run("");
  ASSERT_THAT(types_of(lines), ElementsAre("hello"));
  EXPECT_EQ(lines[0]["version"], EGRESSPROOF_VERSION);
  EXPECT_THAT(lines[0]["features"].dump(), HasSubstr("\"http/2\""));
}

TEST(ProbeProgram, MalformedLinesAreLocatedAndTheBatchGoesOn) {
  const std::vector<std::pair<std::string, Json>> mistakes = {
      {"garbage", {{"line", 2}, {"column", 1}, {"message", "not JSON"}}},
      {R"({"type":"attempt","sequence":7,"prot":1})", {{"line", 3}, {"column", 0}, {"message", "missing key 'nonce'"}}},
      {"", {{"line", 4}, {"column", 1}, {"message", "not JSON"}}},
      {"[]", {{"line", 5}, {"column", 0}, {"message", "not a JSON object"}}},
  };
  std::string input = probe::encode_batch_begin("b1", 4) + "\n";
  for (const auto& [line, problem] : mistakes) input += line + "\n";
  const probe::Attempt good = attempt(1);
  input += probe::encode(good) + "\n" + probe::encode_batch_run() + "\n";
  const auto lines = run(input);
  ASSERT_THAT(types_of(lines),
              ElementsAre("hello", "problem", "problem", "problem", "problem", "observation", "closing"));
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    Json expected = {{"type", "problem"}};
    expected.update(mistakes[i].second);
    EXPECT_EQ(lines[i + 1], expected);
  }
  EXPECT_EQ(lines[5]["code"], "connect_refused");
  EXPECT_EQ(lines[5]["nonce"], good.nonce);
  EXPECT_EQ(lines[6]["count"], 1);
}

TEST(ProbeProgram, BytesThatAreNotUtf8AreAProblemLikeAnyOther) {
  const auto lines =
      run(probe::encode_batch_begin("b", 1) + "\n{\"type\":\"\xff\xfe\"}\n" +
          R"({"type":"attempt","sequence":1,"nonce":")" + std::string(32, 'a') +
          "\",\"protocol\":\"tcp\",\"port\":1,\"address\":\"\xc3\xbf\"}\n" + probe::encode_batch_run() + "\n");
  EXPECT_THAT(types_of(lines), ElementsAre("hello", "problem", "problem", "closing"));
}

TEST(ProbeProgram, ASequenceOrANonceTwiceIsAProblem) {
  const probe::Attempt first = attempt(1);
  probe::Attempt same_nonce = attempt(2);
  same_nonce.nonce = first.nonce;
  const auto lines =
      run(probe::encode_batch_begin("b", 1) + "\n" + probe::encode(first) + "\n" + probe::encode(attempt(1)) + "\n" +
          probe::encode(same_nonce) + "\n" + probe::encode_batch_run() + "\n");
  ASSERT_THAT(types_of(lines), ElementsAre("hello", "problem", "problem", "observation", "closing"));
  EXPECT_EQ(lines[1]["line"], 3);
  EXPECT_EQ(lines[1]["message"], "attempt 1 came before in this batch");
  EXPECT_EQ(lines[2]["line"], 4);
  EXPECT_EQ(lines[2]["message"], "nonce " + first.nonce + " came before in this batch");
}

TEST(ProbeProgram, TheClosingRecordAlwaysComes) {
  const std::string run_line = probe::encode_batch_run() + "\n";
  EXPECT_THAT(types_of(run(probe::encode_batch_begin("b", 1) + "\n" + run_line)), ElementsAre("hello", "closing"));
  EXPECT_THAT(types_of(run(run_line)), ElementsAre("hello", "problem", "closing"));
  EXPECT_THAT(types_of(run("{\"type\":\"batch\",\"parallel\":0}\n" + run_line)),
              ElementsAre("hello", "problem", "closing"));
  EXPECT_THAT(types_of(run(probe::encode_batch_begin("b", 1) + "\n" + probe::encode(attempt(1)) + "\n")),
              ElementsAre("hello", "problem"));
  const auto dropped = run(probe::encode_batch_begin("b1", 1) + "\n" + probe::encode(attempt(1)) + "\n" +
                           probe::encode_batch_begin("b2", 1) + "\n" + run_line);
  ASSERT_THAT(types_of(dropped), ElementsAre("hello", "problem", "closing"));
  EXPECT_EQ(dropped[1]["message"], "batch 'b1' was not run; its 1 attempts are dropped");
  EXPECT_EQ(dropped[2]["batch"], "b2");
}

TEST(ProbeProgram, UnsupportedIsToldOfEachAttempt) {
  probe::Attempt query = attempt(1);
  query.protocol = probe::Protocol::dns;
  query.name = "a.test";
  query.query_type = "MX";
  const auto lines = run(probe::encode_batch_begin("b", 1) + "\n" + probe::encode(query) + "\n" +
                         probe::encode(attempt(2)) + "\n" + probe::encode_batch_run() + "\n");
  ASSERT_THAT(types_of(lines), ElementsAre("hello", "observation", "observation", "closing"));
  EXPECT_EQ(lines[1]["code"], "unsupported");
  EXPECT_EQ(lines[2]["code"], "connect_refused");
}

TEST(ProbeProgram, BatchesAreReadByTheReaderOneAfterAnother) {
  std::string input;
  std::vector<std::vector<probe::Attempt>> batches;
  for (const std::string name : {"b1", "b2"}) {
    batches.emplace_back();
    input += probe::encode_batch_begin(name, 16) + "\n";
    for (std::uint64_t i = 1; i <= 50; ++i) {
      batches.back().push_back(attempt(i));
      input += probe::encode(batches.back().back()) + "\n";
    }
    input += probe::encode_batch_run() + "\n";
  }
  auto finished = process::run({{program}, {}, {}}, milliseconds(20000), input);
  ASSERT_TRUE(finished);
  std::string_view rest = finished->out;
  rest.remove_prefix(rest.find('\n') + 1);  // hello
  for (std::size_t b = 0; b < batches.size(); ++b) {
    probe::BatchReader reader("b" + std::to_string(b + 1), batches[b]);
    for (bool ended = false; !ended && !rest.empty();) {
      const std::size_t end = rest.find('\n');
      ended = reader.feed(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    const probe::BatchResult result = reader.finish();
    EXPECT_THAT(result.errors, ElementsAre());
    EXPECT_TRUE(result.closed);
    EXPECT_EQ(result.observations.size(), 50U);
  }
}

// A listener that never answers keeps the attempt in flight until the probe is killed.
TEST(ProbeProgram, KilledAmidABatchItLeavesErrorsNotObservations) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  auto* raw = reinterpret_cast<sockaddr*>(&name);
  ASSERT_EQ(::bind(listener.get(), raw, size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), raw, &size), 0);
  ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  UniqueFd in_read(in[0]);
  const UniqueFd in_write(in[1]);
  const UniqueFd out_read(out[0]);
  UniqueFd out_write(out[1]);
  auto child = process::Child::start({{program}, {}, {}, in_read.get(), out_write.get(), -1});
  ASSERT_TRUE(child);
  in_read.reset();
  out_write.reset();
  probe::Attempt hanging = attempt(2);
  hanging.port = ntohs(name.sin_port);
  hanging.limits.response = std::chrono::minutes(1);
  const std::vector<probe::Attempt> asked = {attempt(1), hanging};
  const std::string input = probe::encode_batch_begin("b", 2) + "\n" + probe::encode(asked[0]) + "\n" +
                            probe::encode(asked[1]) + "\n" + probe::encode_batch_run() + "\n";
  ASSERT_EQ(::write(in_write.get(), input.data(), input.size()), static_cast<ssize_t>(input.size()));
  probe::BatchReader reader("b", asked);
  std::string bytes;
  std::array<char, 4096> buffer{};
  bool killed = false;
  for (;;) {
    pollfd entry{out_read.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&entry, 1, 10000), 1) << "neither the first observation nor the end came";
    const ssize_t got = ::read(out_read.get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
    if (!killed && bytes.find("\"observation\"") != std::string::npos && bytes.back() == '\n') {
      child->signal(SIGKILL);
      killed = true;
    }
  }
  EXPECT_TRUE(killed);
  std::string_view rest = bytes;
  rest.remove_prefix(rest.find('\n') + 1);  // hello
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    reader.feed(rest.substr(0, end));
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  const probe::BatchResult result = reader.finish();
  EXPECT_FALSE(result.closed);
  EXPECT_EQ(result.observations.count(2), 0U);
  EXPECT_THAT(result.errors, ElementsAre("batch b: the stream ended without a closing record",
                                         "batch b: no observation of attempt 2"));
}

}  // namespace
}  // namespace egressproof
