// The real parts with something deliberately wrong: a policy, a target, a name, a witness. The right verdict is known
// beforehand, and it is never a pass.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "base/files.h"
#include "runner/run/pipeline.h"
#include "runner/scenario/loader.h"
#include "tests/lab/support.h"

namespace egressproof::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

scenario::Suite shipped_suite() {
  scenario::Loaded loaded = scenario::load({EGRESSPROOF_SOURCE_DIR "/scenarios"});
  for (const Diagnostic& one : loaded.diagnostics) ADD_FAILURE() << scenario::render(one);
  return std::move(loaded.suite);
}

scenario::Fixture& fixture(scenario::Suite& suite, const std::string& name) {
  return *std::find_if(suite.fixtures.begin(), suite.fixtures.end(),
                       [&](const scenario::Fixture& one) { return one.name == name; });
}

// `cases` of the shipped suite in P0, P2, P3 and P4, in a lab that is made of `suite`. `at_phase` gets the work folder.
report::Report run_lab(const scenario::Suite& suite, const std::vector<std::string>& cases,
                       const std::function<void(Phase, const std::filesystem::path&)>& at_phase = {}) {
  const auto backend = backend::lab::make(backend::lab::settings());
  const auto capabilities = backend->detect();
  if (!capabilities) {
    ADD_FAILURE() << to_string(capabilities.error());
    return {};
  }
  plan::Selection selection;
  selection.cases = cases;
  selection.profiles = {"P0", "P2", "P3", "P4"};
  scenario::Suite expected = shipped_suite();  // what is expected, whatever the world is like
  expected.profiles = suite.profiles;
  const auto plan = plan::make(expected, selection, *capabilities, "known-answer");
  if (!plan) {
    ADD_FAILURE() << to_string(plan.error());
    return {};
  }
  Options options;
  options.run_id = backend::lab::settings().run_id;
  std::filesystem::path folder;
  Phase last = Phase::open;
  options.on_folder = [&](const std::string& path) { folder = path; };
  options.on_phase = [&](Phase phase, const std::string&) {
    if (phase == last) return;  // a step of the same phase
    last = phase;
    if (at_phase) at_phase(phase, folder);
  };
  report::Report report = execute(suite, *plan, *backend, options);
  EXPECT_EQ(report.aborted, "");
  return report;
}

// "VERDICT status".
std::string told(const report::Report& report, const std::string& case_id, const std::string& profile) {
  for (const verdict::Finding& one : report.judged.findings)
    if (one.case_id == case_id && one.profile == profile)
      return verdict::to_string(one.verdict) + " " + verdict::to_string(one.status);
  return "no finding";
}

std::string all_errors(const report::Report& report) {
  std::string all;
  for (const std::string& one : report.evidence.errors) all += one + "\n";
  return all;
}

const std::vector<std::string> denials{"baseline/allow-exact-http",  "baseline/deny-unlisted-http",
                                       "baseline/deny-unlisted-tls", "baseline/deny-raw-tcp",
                                       "spoof/host-spoof-other-ip",  "spoof/sni-spoof-other-ip"};

TEST(LabKnownAnswers, NothingWrongIsAPassAndTheDocumentedHolesShow) {
  const report::Report report = run_lab(shipped_suite(), denials);
  EXPECT_EQ(report.exit_code, 0) << all_errors(report);
  EXPECT_EQ(told(report, "deny-unlisted-http", "P2"), "DENY pass");
  EXPECT_EQ(told(report, "host-spoof-other-ip", "P3"), "REROUTED pass");
  EXPECT_EQ(told(report, "sni-spoof-other-ip", "P3"), "REROUTED pass");
  EXPECT_EQ(told(report, "host-spoof-other-ip", "P4"), "LEAK known-leak");
  EXPECT_EQ(told(report, "sni-spoof-other-ip", "P4"), "LEAK known-leak");
}

TEST(LabKnownAnswers, AllowAnyInsteadOfRegistryOnlyTurnsDenyIntoLeak) {
  scenario::Suite suite = shipped_suite();
  for (scenario::Profile& profile : suite.profiles)
    for (scenario::PolicyObject& object : profile.policies)
      if (const std::size_t at = object.yaml.find("REGISTRY_ONLY"); at != std::string::npos && profile.name != "P4")
        object.yaml.replace(at, 13, "ALLOW_ANY");
  const report::Report report = run_lab(suite, denials);
  for (const char* id : {"deny-unlisted-http", "deny-unlisted-tls", "deny-raw-tcp"}) {
    EXPECT_EQ(told(report, id, "P2"), "LEAK fail") << id;
    EXPECT_EQ(told(report, id, "P3"), "LEAK fail") << id;
    EXPECT_EQ(told(report, id, "P4"), "DENY pass") << id << ": its policy is as it should be";
  }
  EXPECT_EQ(report.exit_code, 1);
}

TEST(LabKnownAnswers, AStoppedTargetIsInconclusiveNotDenied) {
  scenario::Suite suite = shipped_suite();
  fixture(suite, "deny").listening = false;
  const report::Report report = run_lab(suite, denials);
  for (const char* profile : {"P2", "P3", "P4"}) {
    EXPECT_EQ(told(report, "deny-unlisted-http", profile), "INCONCLUSIVE inconclusive") << profile;
    EXPECT_EQ(told(report, "deny-unlisted-tls", profile), "INCONCLUSIVE inconclusive") << profile;
  }
  EXPECT_EQ(told(report, "deny-raw-tcp", "P2"), "DENY pass") << "another target is not concerned";
  EXPECT_EQ(report.exit_code, 4);
}

TEST(LabKnownAnswers, AnUnresolvableNameIsInconclusiveNotDenied) {
  scenario::Suite suite = shipped_suite();
  fixture(suite, "deny").names = {"renamed.test"};
  const report::Report report = run_lab(suite, {"baseline/deny-unlisted-http", "baseline/allow-exact-http"});
  for (const char* profile : {"P2", "P3", "P4"})
    EXPECT_EQ(told(report, "deny-unlisted-http", profile), "INCONCLUSIVE inconclusive") << profile;
  EXPECT_EQ(told(report, "allow-exact-http", "P3"), "ALLOW pass");
  EXPECT_EQ(report.exit_code, 4);
}

TEST(LabKnownAnswers, AnAddressSwappedToAnotherFixtureIsRerouted) {
  scenario::Suite suite = shipped_suite();
  fixture(suite, "allow").names.clear();
  suite.records.push_back({"allow.test", "A", {"other"}, 1, {}, {}});
  const report::Report report = run_lab(suite, {"baseline/allow-exact-http"});
  EXPECT_EQ(told(report, "allow-exact-http", "P3"), "REROUTED fail");
  EXPECT_EQ(told(report, "allow-exact-http", "P4"), "REROUTED fail");
  EXPECT_EQ(report.exit_code, 1);
}

TEST(LabKnownAnswers, AClientThatSaysNothingIsDeniedByTheLogOrByTheKernelsWord) {
  const report::Report report = run_lab(shipped_suite(), {"transport/server-first"});
  EXPECT_EQ(report.exit_code, 0) << all_errors(report);
  std::map<std::string, std::string> mechanisms;
  for (const verdict::Finding& one : report.judged.findings)
    if (one.profile == "P3") mechanisms[one.case_id] = one.mechanism;
  EXPECT_THAT(mechanisms["server-first.mail-port"], HasSubstr("BlackHoleCluster"));
  EXPECT_THAT(mechanisms["server-first.http-port"], HasSubstr("held"));
  EXPECT_THAT(mechanisms["server-first.tls-port"], HasSubstr("held"));
}

TEST(LabKnownAnswers, ASidecarThatHangsDeniesNobody) {
  int stopped = 0;
  const report::Report report = run_lab(shipped_suite(), {"transport/server-first", "baseline/deny-unlisted-http"},
                                        [&](Phase phase, const std::filesystem::path& folder) {
                                          const std::string run_id =
                                              folder.filename().string().substr(std::string("egressproof-").size());
                                          if (phase == Phase::probes) {
                                            stopped = backend::lab::process_of(run_id, "toolchain/envoy", "P3");
                                            ASSERT_GT(stopped, 0);
                                            ASSERT_EQ(::kill(stopped, SIGSTOP), 0);
                                          } else if (phase == Phase::controls_after && stopped > 0) {
                                            ::kill(stopped, SIGCONT);
                                          }
                                        });
  for (const char* id : {"server-first.mail-port", "server-first.http-port", "server-first.tls-port"}) {
    EXPECT_EQ(told(report, id, "P3"), "INCONCLUSIVE inconclusive") << id;
    EXPECT_EQ(told(report, id, "P2"), "DENY pass") << id << ": its sidecar ran";
  }
  EXPECT_NE(report.exit_code, 0);
}

TEST(LabKnownAnswers, ALostReceiptJournalLeavesNoPass) {
  const report::Report report = run_lab(shipped_suite(), denials, [](Phase phase, const std::filesystem::path& folder) {
    if (phase == Phase::controls_after) std::filesystem::remove(folder / "receipts.ndjson");
  });
  EXPECT_FALSE(report.evidence.receipts_complete);
  for (const verdict::Finding& one : report.judged.findings)
    EXPECT_NE(one.status, verdict::Status::pass) << one.case_id << " in " << one.profile;
  EXPECT_EQ(report.exit_code, 4);
}

TEST(LabKnownAnswers, OneLostReceiptMakesDenialsInconclusiveAndHidesNoLeak) {
  const report::Report report = run_lab(shipped_suite(), denials, [](Phase phase, const std::filesystem::path& folder) {
    if (phase != Phase::collect) return;
    const auto text = read_file(folder / "receipts.ndjson");
    ASSERT_TRUE(text);
    const std::size_t begin = text->find("\"number\":5,");
    ASSERT_NE(begin, std::string::npos);
    const std::size_t line = text->rfind('\n', begin) + 1;
    const std::string cut = text->substr(0, line) + text->substr(text->find('\n', begin) + 1);
    ASSERT_TRUE(write_file_atomically(folder / "receipts.ndjson", cut));
  });
  EXPECT_FALSE(report.evidence.receipts_complete);
  EXPECT_EQ(told(report, "deny-unlisted-http", "P2"), "INCONCLUSIVE inconclusive");
  EXPECT_EQ(told(report, "host-spoof-other-ip", "P4"), "LEAK known-leak") << "what arrived is proven";
  EXPECT_EQ(report.exit_code, 4);
}

TEST(LabKnownAnswers, PoliciesTakenAwayWhileProbingShow) {
  const report::Report report = run_lab(shipped_suite(), denials, [](Phase phase, const std::filesystem::path& folder) {
    if (phase != Phase::probes) return;
    const auto log = [&] { return read_file(folder / "istiod.log").value_or(""); };
    const std::size_t before = log().size();
    ASSERT_TRUE(write_file_atomically(folder / "config" / "generation.yaml", "# nothing\n"));
    // Loaded, and sent to all three proxies.
    EXPECT_TRUE(backend::lab::until(std::chrono::seconds(10), [&] {
      const std::string text = log();
      std::size_t at = text.find("Triggering reload of file configuration", before);
      for (int proxy = 0; proxy < 3 && at != std::string::npos; ++proxy) at = text.find("LDS: PUSH for node", at + 1);
      return at != std::string::npos;
    })) << log().substr(before);
  });
  EXPECT_THAT(all_errors(report), HasSubstr("canar")) << "the canaries after the probes see it";
  int passed = 0;
  for (const verdict::Finding& one : report.judged.findings)
    if (one.profile != "P0" && one.status == verdict::Status::pass) ++passed;
  EXPECT_EQ(passed, 0) << "no cell of a changed profile may count as in force";
  EXPECT_NE(report.exit_code, 0);
}

}  // namespace
}  // namespace egressproof::run
