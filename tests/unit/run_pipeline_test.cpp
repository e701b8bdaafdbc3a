// The order, its ends, and what is measured.
#include <gmock/gmock.h>

#include "tests/unit/run_support.h"

namespace egressproof::run {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Pipeline, TheSmallSuiteMatchesAndNamesItsKnownLeaks) {
  const report::Report report = run_small();
  EXPECT_EQ(report.aborted, "");
  EXPECT_THAT(surprises(report), IsEmpty());
  EXPECT_EQ(all_errors(report), "");
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_EQ(report.judged.findings.size(), 30U);
  EXPECT_EQ(told(report, "spoof.host", "P4"), "LEAK known-leak");
  EXPECT_EQ(told(report, "spoof.sni", "P4"), "LEAK known-leak");
  EXPECT_EQ(told(report, "spoof.host", "P3"), "REROUTED pass");
  EXPECT_EQ(told(report, "deny-raw", "P2"), "DENY pass");
  EXPECT_EQ(report.profiles, (std::vector<std::string>{"P0", "P1", "P2", "P3", "P4"}));
  ASSERT_EQ(report.cases.size(), 6U);
  EXPECT_EQ(report.cases.back().id, "spoof.sni");
  EXPECT_EQ(report.cases.back().fix, "never resolution NONE for an allowlist");
  ASSERT_EQ(report.scenarios.size(), 1U);
  EXPECT_EQ(report.scenarios[0].requirement, "A workload reaches only allow.test.");
  EXPECT_EQ(report.policies.at("P3").size(), 2U);
}

TEST(Pipeline, GoesThroughItsPhasesInOrder) {
  std::vector<std::string> begun;
  Options options = quick();
  options.on_phase = [&](Phase phase, const std::string& detail) {
    if (detail.empty()) begun.push_back(to_string(phase));
  };
  const report::Report report = run_small({}, {}, options);
  EXPECT_THAT(begun, ElementsAre("open", "canary", "apply", "controls before", "probes", "controls after", "revocation",
                                 "collect", "close"));
  for (const std::string& phase : begun) EXPECT_EQ(report.seconds.count(phase), 1U) << phase;
}

TEST(Pipeline, MeasuresEnforcementAdmissionAndRevocation) {
  backend::fake::Faults faults;
  faults.enforcement = {{"P3", false, 3}};
  const report::Report report = run_small(faults);
  EXPECT_THAT(surprises(report), IsEmpty());
  ASSERT_EQ(report.evidence.policies.size(), 1U);
  const policy::Applied& applied = report.evidence.policies[0];
  ASSERT_EQ(applied.enforcement.size(), 3U);  // P2, P3, P4
  for (const auto* turns : {&applied.enforcement, &applied.admission, &applied.revocation}) {
    ASSERT_EQ(turns->size(), 3U);
    for (const policy::CanaryTurn& turn : *turns) {
      EXPECT_TRUE(turn.turned) << turn.profile;
      EXPECT_GT(turn.first_new, turn.changed_at);
    }
  }
  const policy::CanaryTurn& slow = applied.enforcement[1];
  EXPECT_EQ(slow.profile, "P3");
  EXPECT_GE(slow.attempts, 4);
  EXPECT_GT(slow.last_old, applied.acknowledged_at) << "three rounds after the acknowledgement still saw the old ones";
  EXPECT_GT(slow.first_new, slow.last_old);
  EXPECT_EQ(applied.in_force_at, slow.first_new) << "nobody is in force before the last one is";
  EXPECT_THAT(applied.because, HasSubstr("canaries right in 5 of 5 profiles"));
}

// P2 with a second Sidecar, ALLOW_ANY, before or behind the first: the fake obeys the last one.
scenario::Suite with_second_sidecar(bool last) {
  scenario::Suite suite = small_suite();
  scenario::Profile& profile = suite.profiles[2];
  profile.default_deny_overridden = true;
  scenario::PolicyObject open = profile.policies[0];
  open.name = "by-the-tenant";
  open.yaml =
      "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: by-the-tenant}\n"
      "spec: {outboundTrafficPolicy: {mode: ALLOW_ANY}}\n";
  profile.policies.insert(last ? profile.policies.end() : profile.policies.begin(), open);
  return suite;
}

TEST(Pipeline, ADefaultDenyThatIsOverriddenIsMeasured) {
  plan::Selection selection;
  selection.cases = {"deny-raw"};
  selection.profiles = {"P2"};
  const report::Report lost = run_small({}, selection, quick(), with_second_sidecar(true));
  EXPECT_EQ(told(lost, "deny-raw", "P2"), "LEAK fail") << "the row says D";
  EXPECT_THAT(lost.evidence.policies[0].because, HasSubstr("default deny overridden as expected in P2"));
  EXPECT_THAT(lost.evidence.policies[0].enforcement, IsEmpty());
  const report::Report held = run_small({}, selection, impatient(), with_second_sidecar(false));
  EXPECT_EQ(told(held, "deny-raw", "P2"), "INCONCLUSIVE inconclusive");
  EXPECT_THAT(all_errors(held), HasSubstr("P2: the unlisted canary is denied, wanted allowed: the default deny"));
  EXPECT_NE(held.exit_code, 0);
}

TEST(Pipeline, NothingSelectedOpensNoWorldAndIsExitCode5) {
  plan::Selection selection;
  selection.cases = {"deny-raw"};
  selection.profiles = {"P3"};
  selection.tags = {"bypass"};
  EXPECT_EQ(run_small({}, selection).exit_code, 0);
  backend::fake::Faults faults;
  faults.open_error = "must not be opened";
  scenario::Suite suite = small_suite();
  suite.scenarios[0].cases[3].expectations.erase("P3");  // deny-raw
  const report::Report report = run_small(faults, selection, quick(), suite);
  EXPECT_EQ(report.aborted, "");
  EXPECT_EQ(report.exit_code, 5);
}

TEST(Pipeline, AWorldThatDoesNotOpenIsExitCode3WithItsWords) {
  backend::fake::Faults faults;
  faults.open_error = "no network namespaces here";
  const report::Report report = run_small(faults);
  EXPECT_EQ(report.aborted, "no network namespaces here");
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_THAT(report.judged.findings, IsEmpty());
  EXPECT_EQ(report.cases.size(), 6U) << "the report still says what should have run";
}

TEST(Pipeline, ARejectedResourceIsExitCode3WithTheControlPlanesWords) {
  backend::fake::Faults faults;
  faults.rejections = {{2, "proxy probe-tenant-p3: listener 0.0.0.0_443: duplicate filter chain"}};
  const report::Report report = run_small(faults);
  EXPECT_EQ(report.aborted, "proxy probe-tenant-p3: listener 0.0.0.0_443: duplicate filter chain");
  EXPECT_EQ(report.exit_code, 3);
}

TEST(Pipeline, ACanaryThatIsUnreachableBeforeAnyPolicyAborts) {
  backend::fake::Faults faults;
  faults.overrides = {{"canary/listed/P2/*", backend::fake::Behaviour::deny_silent}};
  const report::Report report = run_small(faults, {}, impatient());
  EXPECT_EQ(report.aborted,
            "before any policy a canary is not reachable, so that the path itself is broken: P2: the listed canary is "
            "denied, wanted allowed");
  EXPECT_EQ(report.exit_code, 3);
}

TEST(Pipeline, AProbeThatDiesBeforeThePoliciesAbortsWithTheReason) {
  backend::fake::Faults faults;
  faults.streams = {{"canary/listed/P4/*", backend::fake::StreamFault::killed}};
  const report::Report report = run_small(faults, {}, impatient());
  EXPECT_THAT(report.aborted, AllOf(HasSubstr("P4: the unlisted canary is unclear, wanted allowed (batch b"),
                                    HasSubstr(": the stream ended without a closing record)")));
  EXPECT_EQ(report.exit_code, 3);
}

TEST(Pipeline, AProfileThatIsNeverInForceHasNoVerdictsAndTheOthersGoOn) {
  backend::fake::Faults faults;
  faults.enforcement = {{"P3", true, 0}};
  const report::Report report = run_small(faults, {}, impatient());
  EXPECT_EQ(report.aborted, "");
  EXPECT_EQ(told(report, "allow-http", "P3"), "INCONCLUSIVE inconclusive");
  EXPECT_EQ(told(report, "deny-http", "P3"), "LEAK fail") << "a receipt at a forbidden target is a leak whatever else";
  EXPECT_EQ(told(report, "deny-http", "P2"), "DENY pass");
  EXPECT_THAT(all_errors(report), HasSubstr("not in force within 60 ms: P3: the unlisted canary is allowed, wanted "
                                            "denied"));
  EXPECT_FALSE(report.evidence.policies[0].enforcement[1].turned);
  EXPECT_EQ(report.exit_code, 1);
}

TEST(Pipeline, AnInterruptEndsAtTheNextPhaseWithTheSignalsExitCode) {
  for (const int signal : {SIGINT, SIGTERM}) {
    int now = 0;
    Options options = quick();
    options.on_phase = [&](Phase phase, const std::string&) {
      if (phase == Phase::apply) now = signal;
    };
    options.interrupted = [&] { return now; };
    const report::Report report = run_small({}, {}, options);
    EXPECT_THAT(report.aborted, HasSubstr("interrupted by signal " + std::to_string(signal)));
    EXPECT_EQ(report.exit_code, 128 + signal);
    EXPECT_THAT(report.judged.findings, IsEmpty());
    EXPECT_EQ(report.seconds.count("close"), 1U) << "the world is closed all the same";
    EXPECT_EQ(report.seconds.count("probes"), 0U);
  }
}

TEST(Pipeline, AnInterruptAfterTheProbesKeepsWhatWasSeenAsNoPass) {
  int now = 0;
  Options options = quick();
  options.on_phase = [&](Phase phase, const std::string&) {
    if (phase == Phase::probes) now = SIGINT;
  };
  options.interrupted = [&] { return now; };
  const report::Report report = run_small({}, {}, options);
  EXPECT_EQ(report.exit_code, 130);
  EXPECT_EQ(told(report, "deny-raw", "P2"), "INCONCLUSIVE inconclusive") << "its control after is missing";
  EXPECT_EQ(told(report, "spoof.host", "P4"), "LEAK known-leak");
}

TEST(Pipeline, TheDeadlineOfTheRunIsExitCode4) {
  backend::fake::Faults faults;
  faults.enforcement = {{"P3", true, 0}};
  Options options = quick();
  options.enforcement_limit = std::chrono::seconds(60);
  options.deadline = std::chrono::milliseconds(80);
  const report::Report report = run_small(faults, {}, options);
  EXPECT_THAT(report.aborted, HasSubstr("the run's deadline of 80 ms passed while waiting for canaries: P3: the "
                                        "unlisted canary is allowed, wanted denied"));
  EXPECT_EQ(report.exit_code, 4);
}

TEST(Pipeline, AnExceptionIsExitCode70AndStillAReport) {
  backend::fake::Faults faults;
  faults.crash_at = "basic/deny-raw/P2";
  const report::Report report = run_small(faults);
  EXPECT_EQ(report.aborted, "internal error: the fake was told to crash at basic/deny-raw/P2");
  EXPECT_EQ(report.exit_code, 70);
}

TEST(Pipeline, PoliciesThatClashAreAScenarioError) {
  scenario::Suite suite = small_suite();
  suite.profiles[3].policies.push_back(suite.profiles[3].policies.front());
  const report::Report report = run_small({}, {}, quick(), suite);
  EXPECT_THAT(report.aborted, HasSubstr("registry-only.yaml"));
  EXPECT_EQ(report.exit_code, 2);
}

TEST(Pipeline, TheWholeSuiteThatShipsGoesThroughTheFakeWorldQuickly) {
  scenario::Loaded loaded = scenario::load({EGRESSPROOF_SOURCE_DIR "/scenarios"});
  ASSERT_THAT(loaded.diagnostics, IsEmpty());
  // The fake has no network that would enforce them, and their canaries would be waited for in vain.
  for (scenario::Profile& profile : loaded.suite.profiles)
    std::erase_if(profile.policies, [](const auto& object) { return object.kind == "NetworkPolicy"; });
  const auto begun = std::chrono::steady_clock::now();
  const report::Report report = run_small({}, {}, quick(), loaded.suite);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
  EXPECT_EQ(report.aborted, "");
  EXPECT_GT(report.judged.findings.size(), 150U);
  for (const verdict::Finding& one : report.judged.findings)
    EXPECT_NE(one.status, verdict::Status::error) << one.case_id << " in " << one.profile << ": " << one.because;
}

}  // namespace
}  // namespace egressproof::run
