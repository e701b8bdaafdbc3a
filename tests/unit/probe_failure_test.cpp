// Every way in which a peer can fail has its own code, stage and time.
#include <gmock/gmock.h>

#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

using loopback::attempt_to;
using loopback::Peer;
using loopback::run_one;
using std::chrono::milliseconds;

struct Failure {
  std::string name;
  Protocol protocol;
  bool over_tls;
  std::function<void(int)> behave;
  Code code;
  Stage reached;
};

void reset_after_request(int fd) {
  Peer::read_to(fd, "\r\n\r\n");
  Peer::reset(fd);
}

std::function<void(int)> answering(const std::string& bytes, const std::string& after = "\r\n\r\n") {
  return [=](int fd) {
    Peer::read_to(fd, after);
    Peer::write_all(fd, bytes);
  };
}

void read_hello_and_close(int fd) { Peer::read_to(fd, "ep-"); }
void read_hello_and_reset(int fd) {
  Peer::read_to(fd, "ep-");
  Peer::reset(fd);
}

const std::string alert_handshake_failure("\x15\x03\x03\x00\x02\x02\x28", 7);
const std::string settings_frame(9, '\0');
// RST_STREAM of stream 1 with REFUSED_STREAM, after SETTINGS.
const std::string refused = std::string("\0\0\0\4\0\0\0\0\0", 9) + std::string("\0\0\4\3\0\0\0\0\1\0\0\0\7", 13);

std::vector<Failure> failures() {
  const std::string partial = "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort";
  std::vector<Failure> all = {
      {"alert", Protocol::http1, true, answering(alert_handshake_failure, "ep-"), Code::tls_alert, Stage::tls},
      {"hello_closed", Protocol::http1, true, read_hello_and_close, Code::tls_closed, Stage::tls},
      {"hello_reset", Protocol::http1, true, read_hello_and_reset, Code::tls_reset, Stage::tls},
      {"hello_silent", Protocol::http1, true, Peer::hold, Code::tls_timeout, Stage::tls},
      {"not_tls", Protocol::tls, true, answering("HTTP/1.1 400 no\r\n\r\n", "ep-"), Code::protocol_error, Stage::tls},
      {"tcp_closed", Protocol::tcp, false, answering("", "x\n"), Code::response_closed, Stage::response},
      {"tcp_silent", Protocol::tcp, false, Peer::hold, Code::response_timeout, Stage::response},
      {"refused_stream", Protocol::http2, false,
       [](int fd) {
         Peer::read_to(fd, "\r\n\r\nSM\r\n\r\n");
         Peer::write_all(fd, refused);
         Peer::hold(fd);
       },
       Code::response_reset, Stage::response},
      {"not_http2", Protocol::http2, false, answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
       Code::protocol_error, Stage::response},
  };
  for (const bool own_head : {false, true}) {
    const std::string suffix = own_head ? "_fields" : "";
    const auto add = [&](const std::string& name, std::function<void(int)> behave, Code code) {
      all.push_back({name + suffix, Protocol::http1, false, std::move(behave), code, Stage::response});
    };
    add("closed", answering(""), Code::response_closed);
    add("partial", answering(partial), Code::response_closed);
    add("reset", reset_after_request, Code::response_reset);
    add("silent", Peer::hold, Code::response_timeout);
    add("nonsense", answering("220 mail.test ESMTP\r\n\r\n"), Code::protocol_error);
  }
  return all;
}

class FailureTest : public testing::TestWithParam<Failure> {};

TEST_P(FailureTest, HasItsCodeAndStage) {
  const Failure& failure = GetParam();
  Peer peer(failure.behave);
  Attempt attempt = attempt_to("127.0.0.1", peer.port(), failure.protocol);
  attempt.over_tls = failure.over_tls;
  attempt.payload = "x\n";
  attempt.limits.tls = attempt.limits.response = milliseconds(300);
  if (failure.name.find("_fields") != std::string::npos) attempt.fields = {{"host", "a.test"}};
  const Observation seen = run_one(attempt);
  EXPECT_EQ(seen.code, failure.code) << seen.detail;
  EXPECT_EQ(seen.reached, failure.reached) << seen.detail;
  ASSERT_FALSE(seen.stages.empty());
  EXPECT_EQ(seen.stages.back().stage, failure.reached);
  EXPECT_EQ(seen.stages.back().code, failure.code);
  for (std::size_t i = 0; i + 1 < seen.stages.size(); ++i) EXPECT_EQ(seen.stages[i].code, Code::ok);
  EXPECT_FALSE(seen.detail.empty());
  EXPECT_FALSE(seen.answer);
  EXPECT_EQ(peer.accepted(), 1) << "an attempt is one connection";
  const bool timed = failure.code == Code::tls_timeout || failure.code == Code::response_timeout;
  if (timed) {
    EXPECT_GE(seen.stages.back().took, milliseconds(300));
    EXPECT_LT(seen.stages.back().took, milliseconds(1500));
  }
}

INSTANTIATE_TEST_SUITE_P(Peers, FailureTest, testing::ValuesIn(failures()),
                         [](const auto& one) { return one.param.name; });

TEST(Connect, RefusedIsTold) {
  std::uint16_t closed = 0;
  {
    closed = Peer([](int) {}).port();
  }
  for (const Protocol protocol : {Protocol::http1, Protocol::http2, Protocol::tcp, Protocol::tls}) {
    const Observation seen = run_one(attempt_to("127.0.0.1", closed, protocol));
    EXPECT_EQ(seen.code, Code::connect_refused) << seen.detail;
    EXPECT_EQ(seen.reached, Stage::connect);
    EXPECT_EQ(seen.peer, "127.0.0.1:" + std::to_string(closed));
    EXPECT_FALSE(seen.http_status);
  }
}

// A listener whose queue is full lets SYNs fall.
TEST(Connect, TimesOutWithItsOwnLimit) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  auto* raw = reinterpret_cast<sockaddr*>(&name);
  ASSERT_EQ(::bind(listener.get(), raw, size), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  ASSERT_EQ(::getsockname(listener.get(), raw, &size), 0);
  std::vector<UniqueFd> fill;
  for (int i = 0; i < 4; ++i) {
    fill.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(fill.back().get(), raw, size);
  }
  Attempt attempt = attempt_to("127.0.0.1", ntohs(name.sin_port));
  attempt.limits.connect = milliseconds(250);
  const Observation seen = run_one(attempt);
  EXPECT_EQ(seen.code, Code::connect_timeout) << seen.detail;
  EXPECT_TRUE(seen.local.starts_with("127.0.0.1:")) << seen.local << ": by it a network plugin's record is found";
  EXPECT_NE(seen.local, seen.peer);
  ASSERT_EQ(seen.stages.size(), 1U);
  EXPECT_GE(seen.stages[0].took, milliseconds(250));
  EXPECT_LT(seen.stages[0].took, milliseconds(1500));
}

TEST(Tls, ACertificateOfAnotherCaIsToldApart) {
  const loopback::Target one;
  Attempt attempt = attempt_to(loopback::address(1), loopback::port);
  attempt.over_tls = true;
  const std::filesystem::path stranger = std::filesystem::temp_directory_path() / (random_hex(8) + ".pem");
  target::Config config;
  config.fixtures = {{"x", "key", {"127.0.0.1"}, {}, false, {"x.test"}, true}};
  auto authority = target::make_authority(config);
  ASSERT_TRUE(authority);
  ASSERT_TRUE(write_file_atomically(stranger, authority->ca_pem));
  EngineOptions options;
  options.ca_file = stranger;
  const Observation seen = run_one(attempt, options);
  std::filesystem::remove(stranger);
  EXPECT_EQ(seen.code, Code::tls_certificate) << seen.detail;
  EXPECT_EQ(seen.reached, Stage::tls);
  EXPECT_TRUE(one.receipts(target::ReceiptKind::request).empty());
}

TEST(Tls, AMissingCaFileIsOurOwnFault) {
  const loopback::Target one;
  Attempt attempt = attempt_to(loopback::address(1), loopback::port);
  attempt.over_tls = true;
  EngineOptions options;
  options.ca_file = "/nonexistent/ca.pem";
  EXPECT_EQ(run_one(attempt, options).code, Code::local_error);
}

}  // namespace
}  // namespace egressproof::probe
