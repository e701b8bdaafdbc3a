// The keys of attempts that make no connection, and of identities with capabilities.
#include <gmock/gmock.h>

#include "runner/scenario/needs.h"
#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class DatagramCases : public ::testing::Test {
 protected:
  // One case with these lines, in a suite that is sound.
  void load_case(const std::string& lines) {
    folder_.write("suite.yaml", R"(apiVersion: egressproof/v1
kind: Fixtures
zones: [test]
fixtures:
  sink: {addresses: [198.51.100.66], every-port: true}
---
apiVersion: egressproof/v1
kind: Profiles
profiles:
  - {name: P0, title: no mesh, mesh: none, vantage: true}
)");
    folder_.write("one.yaml", R"(apiVersion: egressproof/v1
kind: Scenario
name: one
title: One
requirement: Some.
profiles: [P0]
expect:
  a: [A]
cases:
  a:
    title: A
    reference: https://example.com
)" + lines);
    loaded_ = folder_.load();
  }
  std::string told() { return folder_.messages(loaded_); }
  const Case& one() const { return loaded_.suite.scenarios.at(0).cases.at(0); }

  testing::Folder folder_;
  Loaded loaded_;
};

TEST_F(DatagramCases, Udp) {
  load_case("    attempt: {protocol: udp, dial: \"sink:53\", payload: \"x{nonce}\", datagrams: 3, answer: false}\n");
  ASSERT_EQ(told(), "");
  EXPECT_EQ(one().attempt.protocol, probe::Protocol::udp);
  EXPECT_EQ(one().attempt.datagrams, 3);
  EXPECT_EQ(one().attempt.expects_answer, false);
}

TEST_F(DatagramCases, ASilentClientNeedsTheKernelsWord) {
  const auto needs_witness = [&](const std::string& attempt) {
    load_case("    attempt: " + attempt + "\n");
    EXPECT_EQ(told(), "");
    return has_need(one(), "kernel-witness");
  };
  EXPECT_TRUE(needs_witness("{protocol: tcp, dial: \"sink:25\"}"));
  EXPECT_TRUE(needs_witness("{protocol: tcp, dial: \"sink:25\"}\n    variants: {a: {payload: x}, b: {}}"));
  EXPECT_FALSE(needs_witness("{protocol: tcp, dial: \"sink:25\"}\n    variants: {a: {payload: x}, b: {tls: true}}"));
  EXPECT_FALSE(needs_witness("{protocol: tcp, dial: \"sink:25\", ticks: {}}"));
  EXPECT_FALSE(needs_witness("{protocol: tls, dial: \"sink:25\"}"));
}

TEST_F(DatagramCases, IcmpHasNoPort) {
  load_case("    attempt: {protocol: icmp, dial: sink}\n");
  EXPECT_EQ(told(), "");
  load_case("    attempt: {protocol: icmp, dial: \"sink:7\"}\n");
  EXPECT_THAT(told(), HasSubstr("icmp has no ports"));
}

TEST_F(DatagramCases, AProtocolOfIpHasItsNumberAndNoAnswer) {
  load_case("    attempt: {protocol: ip, ip-protocol: gre, dial: sink, payload: \"x{nonce}\"}\n");
  ASSERT_EQ(told(), "");
  EXPECT_EQ(one().attempt.ip_protocol, 47);
  load_case("    attempt: {protocol: ip, dial: sink}\n");
  EXPECT_THAT(told(), HasSubstr("needs 'ip-protocol'"));
  load_case("    attempt: {protocol: ip, ip-protocol: gre, dial: \"sink:7\"}\n");
  EXPECT_THAT(told(), HasSubstr("ip has no ports"));
  load_case("    attempt: {protocol: ip, ip-protocol: gre, dial: sink, answer: true}\n");
  EXPECT_THAT(told(), HasSubstr("'answer' has no meaning with protocol ip"));
  load_case("    attempt: {protocol: udp, ip-protocol: gre, dial: \"sink:7\"}\n");
  EXPECT_THAT(told(), HasSubstr("'ip-protocol' has no meaning with protocol udp"));
  load_case("    attempt: {protocol: ip, ip-protocol: grf, dial: sink}\n");
  EXPECT_THAT(told(), HasSubstr("did you mean 'gre'?"));
}

TEST_F(DatagramCases, AConnectionHasNoDatagrams) {
  load_case("    attempt: {protocol: tcp, dial: \"sink:53\", datagrams: 3}\n");
  EXPECT_THAT(told(), HasSubstr("'datagrams' has no meaning with protocol tcp"));
  load_case("    attempt: {protocol: udp, dial: \"sink:53\", tls: true}\n");
  EXPECT_THAT(told(), HasSubstr("'tls' has no meaning with protocol udp"));
}

TEST_F(DatagramCases, CapabilitiesAreNeeded) {
  load_case("    attempt: {protocol: syn, dial: \"sink:53\"}\n    identity: {uid: 0, capabilities: [NET_RAW]}\n");
  ASSERT_EQ(told(), "");
  ASSERT_TRUE(one().identity);
  EXPECT_THAT(one().identity->capabilities, ::testing::ElementsAre("NET_RAW"));
  EXPECT_THAT(one().needs, Contains("capabilities"));
  load_case("    attempt: {protocol: syn, dial: \"sink:53\"}\n    identity: {capabilities: [CAP_NET_RAW]}\n");
  EXPECT_THAT(told(), HasSubstr("'CAP_NET_RAW' is no capability that an attempt can need"));
}

}  // namespace
}  // namespace egressproof::scenario
