#include <gmock/gmock.h>

#include <cstdlib>
#include <map>
#include <set>

#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

using loopback::address;
using loopback::attempt_to;
using loopback::port;
using loopback::run_all;
using loopback::run_one;
using loopback::stages_of;
using target::ReceiptKind;
using testing::ElementsAre;

class EngineTest : public testing::Test {
 protected:
  loopback::Target target;
};

TEST_F(EngineTest, Http1ByNameTellsEveryStage) {
  Attempt attempt = attempt_to("", port);
  attempt.name = "a.test";
  attempt.headers = {{"x-odd", "v-{nonce}"}, {"x-empty", ""}};
  const Observation seen = run_one(attempt, target.options());
  EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  EXPECT_THAT(stages_of(seen), ElementsAre(Stage::resolve, Stage::connect, Stage::request, Stage::response));
  for (const StageResult& one : seen.stages) EXPECT_EQ(one.code, Code::ok);
  EXPECT_GT(seen.stages[0].took.count(), 0);
  EXPECT_THAT(seen.addresses, ElementsAre(address(1)));
  EXPECT_EQ(seen.peer, address(1) + ":8080");
  EXPECT_FALSE(seen.local.empty());
  EXPECT_EQ(seen.http_status, 200);
  EXPECT_EQ(seen.http_version, "1.1");
  EXPECT_EQ(seen.server_header, "egressproof-target");
  ASSERT_TRUE(seen.answer);
  EXPECT_EQ(seen.answer->fixture, "a");
  EXPECT_EQ(seen.answer->nonce, attempt.nonce);
  EXPECT_GT(seen.bytes_received, 0U);
  EXPECT_GE(seen.finished_at, seen.started_at);
  const auto receipts = target.receipts(ReceiptKind::request, attempt.nonce);
  ASSERT_EQ(receipts.size(), 1U);
  EXPECT_EQ(receipts[0].peer, seen.local);
}

TEST_F(EngineTest, NameAddressSniAlpnAndHostAreIndependent) {
  Attempt attempt = attempt_to(address(1), port);
  attempt.over_tls = true;
  attempt.sni = "SNI-{nonce}.Test";
  attempt.host = "Host.{nonce}.test";
  attempt.alpn = {"odd/1", "http/1.1"};
  const Observation seen = run_one(attempt, target.options());
  EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  EXPECT_THAT(stages_of(seen), ElementsAre(Stage::connect, Stage::tls, Stage::request, Stage::response));
  EXPECT_EQ(seen.alpn, "http/1.1");
  EXPECT_EQ(seen.tls_version, "TLSv1.3");
  EXPECT_EQ(seen.certificate, "a");
  const auto hello = target.receipts(ReceiptKind::tls, attempt.nonce);
  ASSERT_EQ(hello.size(), 1U);
  EXPECT_EQ(hello[0].sni, "SNI-" + attempt.nonce + ".Test");
  EXPECT_THAT(hello[0].alpn, ElementsAre("odd/1", "http/1.1", "ep-" + attempt.nonce));
  const auto request = target.receipts(ReceiptKind::request, attempt.nonce);
  ASSERT_EQ(request.size(), 1U);
  EXPECT_EQ(request[0].host, "Host." + attempt.nonce + ".test");
}

TEST_F(EngineTest, WithoutSniThereIsNoExtension) {
  Attempt attempt = attempt_to(address(1), port, Protocol::tls);
  const Observation seen = run_one(attempt, target.options());
  EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  EXPECT_EQ(seen.reached, Stage::tls);
  EXPECT_THAT(stages_of(seen), ElementsAre(Stage::connect, Stage::tls));
  const auto hello = target.receipts(ReceiptKind::tls, attempt.nonce);
  ASSERT_EQ(hello.size(), 1U);
  EXPECT_FALSE(hello[0].sni);
}

TEST(ClientHello, HasAnEchExtensionWithTheNonceIfAsked) {
  for (const bool ech : {true, false}) {
    std::string hello;
    loopback::Peer peer([&](int fd) { hello = loopback::Peer::read_to(fd, "ep-"); });
    Attempt attempt = attempt_to("127.0.0.1", peer.port(), Protocol::tls);
    attempt.ech_extension = ech;
    const Observation seen = run_one(attempt);
    // Type 0xfe0d, length 186; outer, HKDF-SHA256, AES-128-GCM, config_id, and the nonce as a key of 32 bytes.
    const std::string extension = std::string("\xfe\x0d\0\xba\0\0\1\0\1\x2a\0\x20", 12) + attempt.nonce;
    EXPECT_EQ(hello.find(extension) != std::string::npos, ech) << seen.detail << hello.size();
  }
}

TEST_F(EngineTest, Http2OverTlsAndByPriorKnowledge) {
  for (const bool over_tls : {true, false}) {
    Attempt attempt = attempt_to(address(2), port, Protocol::http2);
    attempt.over_tls = over_tls;
    attempt.host = "b.test";
    const Observation seen = run_one(attempt, target.options());
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    EXPECT_EQ(seen.http_version, "2");
    EXPECT_EQ(seen.alpn, over_tls ? "h2" : "");
    EXPECT_EQ(stages_of(seen).back(), Stage::response);
    const auto receipts = target.receipts(ReceiptKind::request, attempt.nonce);
    ASSERT_EQ(receipts.size(), 1U);
    EXPECT_EQ(receipts[0].http_version, "2");
    EXPECT_EQ(receipts[0].host, "b.test");
  }
}

TEST_F(EngineTest, RawTcpWithAndWithoutTls) {
  for (const bool over_tls : {true, false}) {
    Attempt attempt = attempt_to(address(1), port, Protocol::tcp);
    attempt.over_tls = over_tls;
    attempt.payload = std::string("\x01\xff payload {nonce}\n");
    const Observation seen = run_one(attempt, target.options());
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    ASSERT_TRUE(seen.answer);
    EXPECT_EQ(seen.answer->nonce, attempt.nonce);
    EXPECT_EQ(target.receipts(ReceiptKind::payload, attempt.nonce).size(), 1U);
  }
}

// 20 attempts of each kind to one place: as many connections, and each answer to the connection's own attempt.
TEST_F(EngineTest, NoConnectionIsUsedTwice) {
  std::vector<Attempt> attempts;
  for (int i = 0; i < 20; ++i)
    for (const Protocol protocol : {Protocol::http1, Protocol::http2})
      for (const bool over_tls : {true, false}) {
        attempts.push_back(attempt_to(address(1), port, protocol));
        attempts.back().over_tls = over_tls;
      }
  std::set<std::string> locals;
  EngineOptions options = target.options();
  options.parallel = 7;
  for (const Observation& seen : run_all(attempts, options)) {
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    ASSERT_TRUE(seen.answer);
    EXPECT_EQ(seen.answer->nonce, seen.nonce);
    locals.insert(seen.local);
  }
  EXPECT_EQ(locals.size(), attempts.size());
  EXPECT_EQ(target.receipts(ReceiptKind::connection).size(), attempts.size());
}

// The peer takes the next connection only after the one before was closed.
TEST(Connections, EndWithTheirAttempt) {
  loopback::Peer peer([](int fd) {
    loopback::Peer::read_to(fd, "\r\n\r\n");
    loopback::Peer::write_all(fd, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    loopback::Peer::hold(fd);
  });
  for (const bool own_fields : {false, true}) {
    std::vector<Attempt> attempts;
    for (int i = 0; i < 3; ++i) {
      attempts.push_back(attempt_to("127.0.0.1", peer.port()));
      if (own_fields) attempts.back().fields = {{"host", "a.test"}};
    }
    EngineOptions options;
    options.parallel = 1;
    for (const Observation& seen : run_all(attempts, options)) EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  }
}

TEST_F(EngineTest, AddressIsPinnedWhateverTheNameSays) {
  Attempt attempt = attempt_to(address(2), port);
  attempt.name = "a.test";
  attempt.host = "a.test";
  const Observation seen = run_one(attempt, target.options());
  ASSERT_TRUE(seen.answer) << seen.detail;
  EXPECT_EQ(seen.answer->fixture, "b");
  EXPECT_EQ(seen.peer, address(2) + ":8080");
  EXPECT_TRUE(seen.addresses.empty());
}

TEST_F(EngineTest, TheFirstAddressIsDialled) {
  Attempt attempt = attempt_to("", port);
  attempt.name = "two.test";
  const Observation seen = run_one(attempt, target.options());
  ASSERT_EQ(seen.addresses.size(), 2U);
  EXPECT_EQ(seen.peer, seen.addresses.front() + ":8080");
}

TEST_F(EngineTest, FamilyChoosesTheRecords) {
  Attempt attempt = attempt_to("", port);
  attempt.name = "a.test";
  attempt.family = Family::ipv6;
  EXPECT_EQ(run_one(attempt, target.options()).code, Code::name_no_data);
  attempt.name = "six.test";
  const Observation six = run_one(attempt, target.options());
  EXPECT_THAT(six.addresses, ElementsAre("::1"));
  EXPECT_EQ(six.peer, "[::1]:8080");
  EXPECT_EQ(six.code, Code::connect_refused) << six.detail;
  attempt.family = Family::ipv4;
  EXPECT_EQ(run_one(attempt, target.options()).code, Code::name_no_data);
  attempt.family = Family::any;
  EXPECT_THAT(run_one(attempt, target.options()).addresses, ElementsAre("::1"));
}

TEST_F(EngineTest, ProxiesOfTheEnvironmentHaveNoEffect) {
  loopback::Peer proxy(
      [](int fd) { loopback::Peer::write_all(fd, "HTTP/1.1 418 proxied\r\ncontent-length: 0\r\n\r\n"); });
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
    ::setenv(name, url.c_str(), 1);
  std::vector<Attempt> attempts = {attempt_to(address(1), port), attempt_to(address(1), port),
                                   attempt_to(address(1), port, Protocol::tcp)};
  attempts[1].over_tls = true;
  attempts[2].payload = "{nonce}\n";
  const auto seen = run_all(attempts, target.options());
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  for (const Observation& one : seen) EXPECT_EQ(one.code, Code::ok) << one.detail;
  EXPECT_EQ(proxy.accepted(), 0);
}

TEST_F(EngineTest, WhatTheBuildCannotDoIsTold) {
  Attempt attempt = attempt_to("", 0, Protocol::dns);
  attempt.name = "a.test";
  attempt.query_type = "MX";
  const Observation seen = run_one(attempt, target.options());
  EXPECT_EQ(seen.code, Code::unsupported);
  EXPECT_EQ(seen.detail, "DNS type MX is not supported by this build");
}

int most_in_flight(const std::vector<Observation>& observations) {
  std::multimap<std::chrono::microseconds, int> changes;  // at one moment, ends come first
  for (const Observation& seen : observations) changes.emplace(seen.finished_at, -1);
  for (const Observation& seen : observations) changes.emplace(seen.started_at, 1);
  int now = 0;
  int most = 0;
  for (const auto& [at, change] : changes) most = std::max(most, now += change);
  return most;
}

TEST_F(EngineTest, AThousandAttemptsWithTwoHundredInFlight) {
  std::vector<Attempt> attempts;
  for (int i = 0; i < 1000; ++i) {
    attempts.push_back(attempt_to(address(1 + i % 2), port));
    attempts.back().over_tls = i % 4 == 0;
  }
  EngineOptions options = target.options();
  options.parallel = 200;
  std::set<std::uint64_t> told;
  const auto observations = run_all(attempts, options);
  for (const Observation& seen : observations) {
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    told.insert(seen.sequence);
  }
  EXPECT_LE(most_in_flight(observations), 200);
  EXPECT_GT(most_in_flight(observations), 100);
  EXPECT_EQ(told.size(), attempts.size());
  EXPECT_EQ(target.receipts(ReceiptKind::request).size(), attempts.size());
}

}  // namespace
}  // namespace egressproof::probe
