// The keys `pod` and `pods`, and what a backend must have for them.
#include <gmock/gmock.h>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class PodCases : public ::testing::Test {
 protected:
  // One case with these lines, in a suite that is sound; P7 has a NetworkPolicy.
  void load_case(const std::string& lines, const std::string& path = "") {
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
  - {name: P7, title: network, policies: [policies/deny.yaml]}
)");
    folder_.write("policies/deny.yaml",
                  "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\n"
                  "spec: {podSelector: {}, policyTypes: [Egress]}\n");
    folder_.write("one.yaml", R"(apiVersion: egressproof/v1
kind: Scenario
name: one
title: One
requirement: Some.
profiles: [P0, P7]
expect:
  a: [A, D]
cases:
  a:
    title: A
    reference: https://example.com
    attempt: {protocol: http/1.1, dial: "sink:80")" +
                                  (path.empty() ? "" : ", path: " + path) + "}\n" + lines);
    loaded_ = folder_.load();
  }
  std::string told() { return folder_.messages(loaded_); }
  const std::vector<Case>& cases() const { return loaded_.suite.scenarios.at(0).cases; }

  testing::Folder folder_;
  Loaded loaded_;
};

TEST_F(PodCases, WhatIsDoneFirstIsReadInOrderAndIsANeed) {
  load_case("    pod: {labels: {a: b}, first: [flush-rules, quit-agent]}\n");
  ASSERT_EQ(told(), "");
  EXPECT_THAT(cases()[0].pods.at("").first, ElementsAre(PodAct::flush_rules, PodAct::quit_agent));
  EXPECT_THAT(cases()[0].needs, UnorderedElementsAre("pod-template", "pod-acts"));
}

TEST_F(PodCases, FaultsAreRead) {
  load_case("    pod: {first: [kill-proxy, lose-istiod, start-proxy]}\n");
  ASSERT_EQ(told(), "");
  EXPECT_THAT(cases()[0].pods.at("").first, ElementsAre(PodAct::kill_proxy, PodAct::lose_istiod, PodAct::start_proxy));
}

TEST_F(PodCases, TheCapturePortIsTakenAfterTheProxyIsGone) {
  load_case("    pod: {first: [stop-proxy, take-capture-port]}\n");
  ASSERT_EQ(told(), "");
  EXPECT_THAT(cases()[0].pods.at("").first, ElementsAre(PodAct::stop_proxy, PodAct::take_capture_port));
  EXPECT_THAT(cases()[0].needs, UnorderedElementsAre("pod-template", "pod-acts"));
}

TEST_F(PodCases, TicksAreCutFromWhenTheChangeWasInForceOrFromWhenItWasMade) {
  load_case("    variants:\n      early: {ticks: {cut-from: applied, cut-within: 1ms}}\n      late: {ticks: {}}\n");
  ASSERT_EQ(told(), "");
  EXPECT_EQ(cases()[0].variants[0].attempt.ticks->cut_from, CutFrom::applied);
  EXPECT_EQ(cases()[0].variants[1].attempt.ticks->cut_from, CutFrom::in_force);
  EXPECT_THAT(cases()[0].needs, ElementsAre("policy-changes"));
}

TEST_F(PodCases, WhatTheMeshFetchesIsNotTriedPastTheProxy) {
  load_case("    fetched-by: proxy\n", "/plugin.wasm");
  ASSERT_EQ(told(), "");
  EXPECT_EQ(cases().size(), 1U);
  EXPECT_EQ(cases()[0].fetched_by, Fetcher::proxy);
  EXPECT_THAT(cases()[0].needs, ElementsAre("mesh-fetches"));
  load_case("    fetched-by: istiod\n", "\"/{nonce}\"");
  EXPECT_THAT(told(), HasSubstr("with the 'path' that the policy says")) << "a policy knows no nonce";
}

TEST_F(PodCases, NeedsFollowFromTheKeys) {
  load_case("    pod: {labels: {a: b}}\n");
  ASSERT_EQ(told(), "");
  EXPECT_THAT(cases()[0].needs, ElementsAre("pod-template"));
  load_case("    pod: {knative: false, host-network: true}\n");
  ASSERT_EQ(told(), "");
  EXPECT_THAT(cases()[0].needs, UnorderedElementsAre("pod-template", "host-network"));
  load_case("    pod: {ipv6: true}\n");
  ASSERT_EQ(told(), "");
  EXPECT_TRUE(cases()[0].pods.at("").ipv6);
  EXPECT_THAT(cases()[0].needs, UnorderedElementsAre("pod-template", "ipv6-pods"));
}

TEST_F(PodCases, MutualTlsOfItsOwnNeedsTheWorkloadsCertificate) {
  load_case("    variants:\n      inner: {protocol: tls, sni: deny.test, outer: {sni: allow.test}}\n");
  ASSERT_EQ(told(), "");
  EXPECT_EQ(cases()[0].variants[0].attempt.outer, probe::OuterTls{"allow.test"});
  EXPECT_THAT(cases()[0].needs, ElementsAre("workload-certificate"));
  load_case("    variants:\n      inner: {protocol: tls, sni: deny.test, outer: {snj: allow.test}}\n");
  EXPECT_THAT(told(), HasSubstr("unknown key 'snj'"));
  EXPECT_THAT(told(), HasSubstr("did you mean 'sni'?"));
  load_case(
      "    variants:\n      inner: {protocol: tls, sni: deny.test, hello-segments: 2, outer: {sni: allow.test}}\n");
  EXPECT_THAT(told(), HasSubstr("within 'outer' is written in one piece"));
  load_case("    variants:\n      inner: {outer: {sni: allow.test}}\n");
  EXPECT_THAT(told(), HasSubstr("'outer' has no meaning with protocol http/1.1 without TLS"));
}

TEST_F(PodCases, WhatNobodyDoesIsAnError) {
  load_case("    pod: {first: [quit-agnet]}\n");
  EXPECT_THAT(told(), HasSubstr("'quit-agnet' is nothing that is done in a pod first"));
  EXPECT_THAT(told(), HasSubstr("quit-agent"));
}

TEST_F(PodCases, AreNotTriedPastTheProxyAgain) {
  load_case("");
  ASSERT_EQ(told(), "");
  EXPECT_EQ(cases().size(), 2U) << "the case, and the same past the proxy";
  load_case("    pod: {labels: {a: b}}\n");
  ASSERT_EQ(told(), "");
  EXPECT_EQ(cases().size(), 1U);
}

}  // namespace
}  // namespace egressproof::scenario
