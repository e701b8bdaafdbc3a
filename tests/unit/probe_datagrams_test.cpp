// Attempts that make no connection: who answered, and what silence is.
#include <gmock/gmock.h>

#include <fstream>

#include "probe/codec.h"
#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

using loopback::address;
using loopback::attempt_to;
using loopback::run_one;
using std::chrono::milliseconds;
using testing::ElementsAre;

// Bound, and never answers.
class Silent {
 public:
  Silent() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    ::inet_pton(AF_INET, address(7).c_str(), &name.sin_addr);
    socklen_t size = sizeof name;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    port = ntohs(name.sin_port);
  }
  std::vector<std::string> received() const {
    std::vector<std::string> all;
    std::string bytes(2048, '\0');
    for (ssize_t got = 0; (got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0)) >= 0;)
      all.push_back(bytes.substr(0, static_cast<std::size_t>(got)));
    return all;
  }
  std::uint16_t port = 0;

 private:
  UniqueFd fd_;
};

Attempt datagram_to(const std::string& to, std::uint16_t port, Protocol protocol = Protocol::udp) {
  Attempt attempt = attempt_to(to, port, protocol);
  attempt.payload = "egressproof {nonce}\n";
  attempt.limits.response = milliseconds(300);
  return attempt;
}

TEST(Datagrams, AFixtureAnswersOverUdp) {
  const loopback::Target target;
  Attempt attempt = datagram_to(address(1), loopback::port);
  attempt.limits.response = milliseconds(3000);
  const Observation seen = run_one(attempt);
  EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  EXPECT_THAT(loopback::stages_of(seen), ElementsAre(Stage::connect, Stage::request, Stage::response));
  ASSERT_TRUE(seen.answer);
  EXPECT_EQ(seen.answer->nonce, attempt.nonce);
  const auto receipts = target.receipts(target::ReceiptKind::payload, attempt.nonce);
  ASSERT_FALSE(receipts.empty());
  EXPECT_EQ(receipts[0].transport, "udp");
  EXPECT_EQ(receipts[0].peer, seen.local) << "the end that was bound before anything was sent";
  EXPECT_EQ(receipts[0].local, seen.peer);
}

TEST(Datagrams, SilenceIsATimeoutAfterAllWereSent) {
  const Silent silent;
  Attempt attempt = datagram_to(address(7), silent.port);
  attempt.datagrams = 3;
  const Observation seen = run_one(attempt);
  EXPECT_EQ(seen.code, Code::response_timeout);
  EXPECT_EQ(seen.reached, Stage::response);
  EXPECT_NE(seen.local, "");
  const std::string sent = "egressproof " + attempt.nonce + "\n";
  EXPECT_THAT(silent.received(), ElementsAre(sent, sent, sent));
}

TEST(Datagrams, WhoExpectsNoAnswerIsDoneWhenAllWereSent) {
  const Silent silent;
  Attempt attempt = datagram_to(address(7), silent.port);
  attempt.datagrams = 2;
  attempt.expects_answer = false;
  EXPECT_EQ(run_one(attempt).code, Code::ok);
  EXPECT_EQ(silent.received().size(), 2U);
}

TEST(Datagrams, AnUnreachablePortIsARefusal) {
  const Observation seen = run_one(datagram_to(address(8), 9));
  EXPECT_EQ(seen.code, Code::connect_refused) << seen.detail;
}

TEST(Datagrams, EchoRequestsAreAnsweredByTheKernel) {
  if (::geteuid() != 0) {
    std::uint64_t first = 1;
    std::uint64_t last = 0;
    std::ifstream("/proc/sys/net/ipv4/ping_group_range") >> first >> last;
    if (::getegid() < first || ::getegid() > last) GTEST_SKIP() << "echo requests are forbidden here";
  }
  Attempt attempt = datagram_to("127.0.0.1", 0, Protocol::icmp);
  attempt.limits.response = milliseconds(3000);
  const Observation seen = run_one(attempt);
  if (seen.code == Code::unsupported) GTEST_SKIP() << seen.detail;
  EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  EXPECT_EQ(seen.peer, "127.0.0.1:0");
  EXPECT_THAT(seen.body_excerpt, testing::HasSubstr(attempt.nonce));
}

TEST(Datagrams, PacketsOfAnotherProtocolAreWhatWasSaid) {
  const UniqueFd listener(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 253));
  if (!listener.valid()) GTEST_SKIP() << "needs CAP_NET_RAW";
  Attempt attempt = datagram_to("127.0.0.1", 0, Protocol::ip);
  attempt.ip_protocol = 253;  // for experiments, RFC 3692
  attempt.payload = "ab{nonce}";
  attempt.datagrams = 1;
  attempt.expects_answer = false;
  const Observation seen = run_one(attempt);
  EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  std::string bytes(200, '\0');
  const ssize_t got = ::recv(listener.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  ASSERT_GT(got, 20);
  EXPECT_EQ(bytes.substr(20, static_cast<std::size_t>(got) - 20), "ab" + attempt.nonce);
}

TEST(DatagramsCodec, AProtocolOfIpIsANumberWithoutPortAndAnswer) {
  Attempt attempt = datagram_to("192.0.2.1", 0, Protocol::ip);
  attempt.expects_answer = false;
  EXPECT_FALSE(decode_attempt(encode(attempt)));
  attempt.ip_protocol = 47;
  const auto read = decode_attempt(encode(attempt));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->ip_protocol, 47);
  attempt.port = 1;
  EXPECT_FALSE(decode_attempt(encode(attempt)));
  attempt.port = 0;
  attempt.expects_answer = true;
  EXPECT_FALSE(decode_attempt(encode(attempt)));
  attempt = datagram_to("192.0.2.1", 5);
  attempt.ip_protocol = 47;
  EXPECT_FALSE(decode_attempt(encode(attempt))) << "udp has its own";
}

TEST(DatagramsCodec, WhatIsSaidComesBack) {
  Attempt attempt = datagram_to("192.0.2.1", 53);
  attempt.datagrams = 7;
  attempt.expects_answer = false;
  const auto read = decode_attempt(encode(attempt));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->protocol, Protocol::udp);
  EXPECT_EQ(read->datagrams, 7);
  EXPECT_FALSE(read->expects_answer);
  EXPECT_TRUE(decode_attempt(encode(datagram_to("192.0.2.1", 0, Protocol::icmp)))) << "it has no ports";
}

TEST(DatagramsCodec, WhatCannotBeSentIsAProblem) {
  const auto refused = [](Attempt attempt) { return !decode_attempt(encode(attempt)); };
  EXPECT_TRUE(refused(datagram_to("192.0.2.1", 0)));
  EXPECT_TRUE(refused(datagram_to("192.0.2.1", 1, Protocol::icmp)));
  Attempt attempt = datagram_to("192.0.2.1", 53);
  attempt.payload.assign(1201, 'x');
  EXPECT_TRUE(refused(attempt));
  attempt = datagram_to("192.0.2.1", 53);
  attempt.over_tls = true;
  EXPECT_TRUE(refused(attempt));
  attempt = datagram_to("192.0.2.1", 53, Protocol::tcp);
  attempt.datagrams = 2;
  EXPECT_TRUE(refused(attempt)) << "a connection has none";
}

// A name server that loses the first datagrams.
TEST(DatagramsLost, AQueryIsSentAgainWithinTheLimit) {
  const Silent server;
  Attempt attempt = attempt_to("", server.port, Protocol::dns);
  attempt.name = "a.test";
  attempt.server = address(7);
  attempt.limits.resolve = milliseconds(600);
  EXPECT_EQ(run_one(attempt).code, Code::name_timeout);
  EXPECT_GE(server.received().size(), 4U);
}

}  // namespace
}  // namespace egressproof::probe
