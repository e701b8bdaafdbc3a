// Requests that come in, and a pod that forwards, with a policy that is deliberately wrong: one that forgets whom it
// must allow is a false deny, one that is gone is a leak. The right verdict is known beforehand.
#include <gmock/gmock.h>

#include "runner/run/pipeline.h"
#include "runner/scenario/loader.h"
#include "tests/lab/support.h"

namespace egressproof::run {
namespace {

using ::testing::HasSubstr;

scenario::Suite shipped_suite() {
  scenario::Loaded loaded = scenario::load({EGRESSPROOF_SOURCE_DIR "/scenarios"});
  for (const Diagnostic& one : loaded.diagnostics) ADD_FAILURE() << scenario::render(one);
  return std::move(loaded.suite);
}

scenario::Case& case_of(scenario::Suite& suite, const std::string& id) {
  for (scenario::Scenario& scenario : suite.scenarios)
    for (scenario::Case& one : scenario.cases)
      if (one.id == id) return one;
  throw std::out_of_range(id);
}

report::Report run_lab(const scenario::Suite& suite, const std::vector<std::string>& cases) {
  const auto backend = backend::lab::make(backend::lab::settings());
  const auto capabilities = backend->detect();
  if (!capabilities) {
    ADD_FAILURE() << to_string(capabilities.error());
    return {};
  }
  plan::Selection selection;
  selection.cases = cases;
  const auto plan = plan::make(suite, selection, *capabilities, "known-answer");
  if (!plan) {
    ADD_FAILURE() << to_string(plan.error());
    return {};
  }
  Options options;
  options.run_id = backend::lab::settings().run_id;
  report::Report report = execute(suite, *plan, *backend, options);
  EXPECT_EQ(report.aborted, "");
  return report;
}

const verdict::Finding& finding(const report::Report& report, const std::string& case_id, const std::string& profile) {
  static const verdict::Finding none;
  for (const verdict::Finding& one : report.judged.findings)
    if (one.case_id == case_id && one.profile == profile) return one;
  ADD_FAILURE() << "no finding of " << case_id << " in " << profile;
  return none;
}

TEST(LabInboundKnownAnswers, APolicyThatForgetsTheActivatorIsAFalseDeny) {
  scenario::Suite suite = shipped_suite();
  case_of(suite, "authz-missing-activator").expectations["KSa"].expect = scenario::Expect::allow;
  const report::Report report = run_lab(suite, {"knative/authz-missing-activator"});
  const verdict::Finding& activator = finding(report, "authz-missing-activator", "KSa");
  EXPECT_EQ(activator.verdict, verdict::Verdict::false_deny) << activator.because;
  EXPECT_EQ(activator.status, verdict::Status::fail);
  EXPECT_EQ(activator.layer, verdict::Layer::authorization);
  EXPECT_THAT(activator.because, HasSubstr("rbac_access_denied"));
  EXPECT_THAT(activator.because, HasSubstr("at the sidecar of KNf"));
  EXPECT_EQ(finding(report, "authz-missing-activator", "KSi").verdict, verdict::Verdict::allow);
  EXPECT_NE(report.exit_code, 0);
}

TEST(LabInboundKnownAnswers, WithoutThePoliciesEverybodyComesIn) {
  scenario::Suite suite = shipped_suite();
  for (scenario::Profile& profile : suite.profiles)
    if (profile.name == "KN") profile.policies.clear();
  const report::Report report = run_lab(suite, {"knative/authz-direct-pod.requests"});
  for (const char* profile : {"P0", "P1"})
    EXPECT_EQ(finding(report, "authz-direct-pod.requests", profile).verdict, verdict::Verdict::leak) << profile;
  EXPECT_EQ(finding(report, "authz-direct-pod.requests", "KSa").verdict, verdict::Verdict::allow);
}

// Nothing listens: whoever is denied, and whoever is not, no cell may say so.
TEST(LabInboundKnownAnswers, WithoutAListenerNothingIsProven) {
  scenario::Suite suite = shipped_suite();
  for (scenario::Fixture& fixture : suite.fixtures)
    if (fixture.name == "revision") fixture.listening = false;
  const report::Report report = run_lab(suite, {"knative/authz-direct-pod.requests"});
  for (const char* profile : {"P0", "P1", "KSa"})
    EXPECT_EQ(finding(report, "authz-direct-pod.requests", profile).verdict, verdict::Verdict::inconclusive) << profile;
}

void forget(scenario::Suite& suite, const std::string& profile, const std::string& kind) {
  for (scenario::Profile& one : suite.profiles)
    if (one.name == profile)
      std::erase_if(one.policies, [&](const scenario::PolicyObject& object) { return object.kind == kind; });
}

TEST(LabRelayKnownAnswers, WithoutTheNetworkPolicyItIsALeakByTheRelay) {
  scenario::Suite suite = shipped_suite();
  forget(suite, "PRn", "NetworkPolicy");
  const report::Report report = run_lab(suite, {"forwarders/relay-pod-unmeshed.*"});
  for (const char* id : {"relay-pod-unmeshed.http", "relay-pod-unmeshed.tls"}) {
    const verdict::Finding& leaked = finding(report, id, "PRn");
    EXPECT_EQ(leaked.verdict, verdict::Verdict::leak) << leaked.because;
    EXPECT_EQ(leaked.status, verdict::Status::fail);
    EXPECT_THAT(leaked.because, HasSubstr("by way of relay relay"));
    EXPECT_EQ(finding(report, id, "PR").status, verdict::Status::known_leak) << finding(report, id, "PR").because;
    EXPECT_EQ(finding(report, id, "PRh").status, verdict::Status::pass) << finding(report, id, "PRh").because;
  }
}

// Whom it relays to is down: the relay is reached and forwards nothing.
TEST(LabRelayKnownAnswers, OneThatDoesNotForwardProvesNothing) {
  scenario::Suite suite = shipped_suite();
  for (scenario::Fixture& fixture : suite.fixtures)
    if (fixture.name == "deny") fixture.listening = false;
  const report::Report report = run_lab(suite, {"forwarders/relay-pod-unmeshed.*"});
  for (const char* profile : {"P0", "P2", "PR", "PRn", "PRh"}) {
    const verdict::Finding& one = finding(report, "relay-pod-unmeshed.http", profile);
    EXPECT_EQ(one.status, verdict::Status::inconclusive) << profile << ": " << one.because;
  }
}

}  // namespace
}  // namespace egressproof::run
