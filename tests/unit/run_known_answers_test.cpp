// Each way in which a witness can mislead, and that no verdict is fooled by it.
#include <gmock/gmock.h>

#include "tests/unit/run_support.h"

namespace egressproof::run {
namespace {

using backend::fake::Behaviour;
using backend::fake::Faults;
using backend::fake::StreamFault;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

report::Report with_override(const std::string& attempt, Behaviour behaviour) {
  Faults faults;
  faults.overrides = {{attempt, behaviour}};
  return run_small(faults);
}

TEST(KnownAnswers, AllowAnyInsteadOfRegistryOnlyTurnsDenyIntoLeak) {
  scenario::Suite suite = small_suite();
  for (scenario::PolicyObject& object : suite.profiles[2].policies) {
    const std::size_t at = object.yaml.find("REGISTRY_ONLY");
    if (at != std::string::npos) object.yaml.replace(at, 13, "ALLOW_ANY");
  }
  const report::Report report = run_small({}, {}, quick(), suite);
  EXPECT_THAT(surprises(report),
              ElementsAre("allow-http/P2 LEAK fail", "allow-tls/P2 LEAK fail", "deny-http/P2 LEAK fail",
                          "deny-raw/P2 LEAK fail", "spoof.host/P2 LEAK fail", "spoof.sni/P2 LEAK fail"));
  EXPECT_EQ(report.exit_code, 1);
}

TEST(KnownAnswers, AStoppedTargetIsInconclusiveNotDenied) {
  Faults faults;
  faults.stopped = {"deny", "allow"};
  const report::Report report = run_small(faults);
  for (const char* profile : {"P0", "P1", "P2", "P3", "P4"}) {
    EXPECT_EQ(told(report, "deny-http", profile), "INCONCLUSIVE inconclusive") << profile;
    EXPECT_EQ(told(report, "allow-http", profile), "INCONCLUSIVE inconclusive") << profile;
    EXPECT_EQ(told(report, "allow-tls", profile), "INCONCLUSIVE inconclusive") << profile;
  }
  EXPECT_EQ(told(report, "deny-raw", "P2"), "DENY pass") << "another target is not concerned";
  EXPECT_EQ(report.exit_code, 4);
}

TEST(KnownAnswers, AnUnresolvableNameIsInconclusiveNotDenied) {
  Faults faults;
  faults.unresolvable = {"allow.test", "deny.test"};
  const report::Report report = run_small(faults);
  for (const char* profile : {"P0", "P2", "P3"}) {
    EXPECT_EQ(told(report, "allow-http", profile), "INCONCLUSIVE inconclusive") << profile;
    EXPECT_EQ(told(report, "deny-http", profile), "INCONCLUSIVE inconclusive") << profile;
  }
}

TEST(KnownAnswers, ANameThatLeadsToAnotherFixtureIsRerouted) {
  Faults faults;
  faults.readdress = {{"allow.test", "198.51.100.30"}};
  const report::Report report = run_small(faults);
  EXPECT_EQ(told(report, "allow-http", "P1"), "REROUTED fail");
  EXPECT_EQ(told(report, "allow-http", "P3"), "REROUTED fail");
  EXPECT_THAT(finding(report, "allow-http", "P3").reached, ElementsAre("other"));
  EXPECT_NE(finding(report, "spoof.host", "P3").status, verdict::Status::pass) << "rerouted, but to the wrong fixture";
  EXPECT_EQ(report.exit_code, 1);
}

TEST(KnownAnswers, ALostJournalLeavesNothingButLeaksUnclear) {
  Faults faults;
  faults.journal_lost_at = "control/*/after";
  const report::Report report = run_small(faults);
  EXPECT_EQ(report.aborted, "");
  EXPECT_EQ(report.exit_code, 4);
  EXPECT_THAT(all_errors(report), HasSubstr("the receipts could not be read: read('receipts.ndjson'): No such file"));
  EXPECT_FALSE(report.evidence.receipts_complete);
  for (const verdict::Finding& one : report.judged.findings)
    EXPECT_NE(one.status, verdict::Status::pass) << one.case_id << " in " << one.profile;
}

TEST(KnownAnswers, OneLostReceiptMakesDenialsInconclusive) {
  Faults faults;
  faults.lost_receipts = {"basic/allow-tls/P3"};
  const report::Report report = run_small(faults);
  EXPECT_FALSE(report.evidence.receipts_complete);
  EXPECT_EQ(told(report, "deny-raw", "P2"), "INCONCLUSIVE inconclusive");
  EXPECT_NE(finding(report, "allow-tls", "P3").status, verdict::Status::pass);
  EXPECT_EQ(told(report, "spoof.host", "P4"), "LEAK known-leak") << "what arrived is proven";
  EXPECT_EQ(report.exit_code, 4);
}

TEST(KnownAnswers, PoliciesThatVanishWhileProbingShow) {
  Faults faults;
  faults.policy_changes = {{"basic/deny-raw/P3", "P3", ""}};
  const report::Report report = run_small(faults);
  EXPECT_THAT(all_errors(report),
              HasSubstr("the policy changed while probing: P3: the unlisted canary is allowed, wanted denied"));
  for (const verdict::Finding& one : report.judged.findings) {
    if (one.profile != "P3") continue;
    EXPECT_NE(one.status, verdict::Status::pass) << one.case_id << ": even what was probed before the change";
  }
  EXPECT_EQ(told(report, "deny-raw", "P3"), "LEAK fail");
  EXPECT_EQ(told(report, "deny-raw", "P4"), "DENY pass");
  const policy::CanaryTurn& lost = report.evidence.policies[0].enforcement[1];
  EXPECT_EQ(lost.profile, "P3");
  EXPECT_FALSE(lost.turned);
  EXPECT_GT(lost.lost_at.count(), 0);
}

TEST(KnownAnswers, AServiceEntryRemovedWhileProbingIsAFalseDeny) {
  Faults faults;
  faults.policy_changes = {{"basic/allow-tls/P3", "P3", "allow"}};
  const report::Report report = run_small(faults);
  EXPECT_EQ(told(report, "allow-http", "P3"), "ALLOW pass");
  EXPECT_EQ(told(report, "allow-tls", "P3"), "FALSE-DENY fail");
  EXPECT_EQ(report.exit_code, 1);
}

TEST(KnownAnswers, AKilledProbeIsAnErrorNeverADenial) {
  Faults faults;
  faults.streams = {{"basic/deny-http/P3", StreamFault::killed}};
  const report::Report report = run_small(faults);
  for (const verdict::Finding& one : report.judged.findings) {
    if (one.profile == "P3")
      EXPECT_EQ(one.status, verdict::Status::error) << one.case_id;
    else
      EXPECT_NE(one.status, verdict::Status::error) << one.case_id << " in " << one.profile;
  }
  EXPECT_EQ(report.exit_code, 4);
}

TEST(KnownAnswers, ATruncatedStreamIsAnError) {
  Faults faults;
  faults.streams = {{"basic/deny-raw/P2", StreamFault::truncated}};
  const report::Report report = run_small(faults);
  EXPECT_EQ(finding(report, "deny-raw", "P2").status, verdict::Status::error);
  EXPECT_EQ(finding(report, "spoof.sni", "P2").status, verdict::Status::error);
  EXPECT_EQ(report.exit_code, 4);
}

TEST(KnownAnswers, ALostOrDoubledObservationIsAnError) {
  for (const StreamFault fault : {StreamFault::lost_line, StreamFault::duplicated_line}) {
    Faults faults;
    faults.streams = {{"basic/deny-raw/P2", fault}};
    const report::Report report = run_small(faults);
    EXPECT_EQ(finding(report, "deny-raw", "P2").status, verdict::Status::error);
    EXPECT_EQ(report.exit_code, 4);
  }
}

TEST(KnownAnswers, ALeakIsALeakWhateverTheProfile) {
  const report::Report report = with_override("basic/deny-raw/P3", Behaviour::leak);
  EXPECT_THAT(surprises(report), ElementsAre("deny-raw/P3 LEAK fail"));
  EXPECT_EQ(report.exit_code, 1);
}

TEST(KnownAnswers, ADenialWithoutARecordOfTheMeshIsInconclusive) {
  const report::Report report = with_override("basic/deny-raw/P3", Behaviour::deny_silent);
  EXPECT_THAT(surprises(report), ElementsAre("deny-raw/P3 INCONCLUSIVE inconclusive"));
  EXPECT_EQ(report.exit_code, 4);
}

TEST(KnownAnswers, AnAllowedRequestFromAForeignAddressIsWrongPath) {
  EXPECT_THAT(surprises(with_override("basic/allow-http/P3", Behaviour::wrong_path)),
              ElementsAre("allow-http/P3 WRONG-PATH fail"));
}

TEST(KnownAnswers, AnAnswerThatNoFixtureWroteProvesNothing) {
  for (const Behaviour behaviour : {Behaviour::answered_by_other, Behaviour::forged_answer}) {
    EXPECT_EQ(told(with_override("basic/deny-http/P3", behaviour), "deny-http", "P3"), "INCONCLUSIVE inconclusive");
    EXPECT_NE(finding(with_override("basic/allow-http/P3", behaviour), "allow-http", "P3").status,
              verdict::Status::pass);
  }
}

TEST(KnownAnswers, AProbeThatCouldNotTryIsAnError) {
  for (const char* attempt : {"basic/deny-raw/P3", "basic/allow-http/P3"})
    EXPECT_EQ(with_override(attempt, Behaviour::local_error).exit_code, 4);
  EXPECT_THAT(surprises(with_override("basic/deny-raw/P3", Behaviour::local_error)),
              ElementsAre("deny-raw/P3 ERROR error"));
}

TEST(KnownAnswers, AnOutageOfANamedClusterIsInconclusive) {
  for (const char* one : {"allow-http", "deny-http"})
    EXPECT_EQ(told(with_override("basic/" + std::string(one) + "/P3", Behaviour::outage), one, "P3"),
              "INCONCLUSIVE inconclusive");
}

TEST(KnownAnswers, AControlThatFailsAfterwardsMakesTheDenialInconclusive) {
  const report::Report report = with_override("control/*deny-raw*/after", Behaviour::deny_silent);
  EXPECT_EQ(told(report, "deny-raw", "P2"), "INCONCLUSIVE inconclusive");
  EXPECT_EQ(told(report, "deny-http", "P2"), "DENY pass");
}

TEST(KnownAnswers, AnUnhealthyProxyIsAnErrorOfTheRun) {
  Faults faults;
  faults.unhealthy = {"the proxy of pod P3 ended"};
  const report::Report report = run_small(faults);
  EXPECT_THAT(all_errors(report), HasSubstr("the proxy of pod P3 ended"));
  EXPECT_EQ(report.exit_code, 4);
}

}  // namespace
}  // namespace egressproof::run
