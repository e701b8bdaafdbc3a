#include "runner/report/sarif.h"

#include <gmock/gmock.h>

#include "tests/unit/report_sample.h"
#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

using testing::HasSubstr;

Json run_of(const Report& report) { return to_sarif(report)["runs"][0]; }

Json result_of(const Report& report, const std::string& fingerprint) {
  const Json run = run_of(report);
  for (const Json& one : run["results"])
    if (one["partialFingerprints"]["egressproofCell/v1"] == fingerprint) return one;
  return nullptr;
}

// The OASIS schema, by python3-jsonschema.
sample::Ran checked(const std::vector<Json>& logs) {
  const sample::Folder folder;
  std::vector<std::string> command = {"python3", (sample::data_folder() / "check_sarif.py").string()};
  for (const Json& log : logs) {
    command.push_back((folder.path() / (std::to_string(command.size()) + ".sarif")).string());
    EXPECT_TRUE(write_file_atomically(command.back(), log.dump()));
  }
  return sample::run(command);
}

TEST(ReportSarif, FitsTheSchema) {
  Report aborted = sample::empty();
  aborted.aborted = "no istiod";
  const auto ran = checked({to_sarif(sample::every()), to_sarif(sample::nasty()), to_sarif(sample::wide(20)),
                            to_sarif(sample::empty()), to_sarif(aborted)});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("5 files"));
}

TEST(ReportSarif, TheSchemaIsStrict) {
  Json log = to_sarif(sample::every());
  log["runs"][0]["results"][0]["level"] = "fatal";
  EXPECT_EQ(checked({log}).code, 1);
}

TEST(ReportSarif, EachStatusHasItsLevel) {
  const Report report = sample::every();
  const std::map<std::string, std::string> expected = {{"spoof/host-spoof-other-ip/P4", "warning"},
                                                       {"spoof/lookalike-names.prefix/P0", "error"},
                                                       {"spoof/lookalike-names.prefix/P2", "error"},
                                                       {"spoof/lookalike-names.prefix/P3", "note"},
                                                       {"base/allowed-http/P0", "error"},
                                                       {"base/allowed-http/P2", "error"}};
  EXPECT_EQ(run_of(report)["results"].size(), expected.size()) << "a pass, or what has no verdict, is no finding";
  for (const auto& [name, level] : expected) EXPECT_EQ(result_of(report, name)["level"], level) << name;
}

TEST(ReportSarif, WhatHasNoVerdictIsANotification) {
  const Json invocation = run_of(sample::every())["invocations"][0];
  EXPECT_EQ(invocation["exitCode"], 1);
  EXPECT_EQ(invocation["executionSuccessful"], true);
  ASSERT_EQ(invocation["toolExecutionNotifications"].size(), 2U);
  EXPECT_THAT(invocation["toolExecutionNotifications"][0]["message"]["text"].get<std::string>(),
              HasSubstr("base/allowed-http in profile P3: INCONCLUSIVE"));
  Report aborted = sample::empty();
  aborted.aborted = "no istiod";
  aborted.exit_code = 3;
  EXPECT_EQ(run_of(aborted)["invocations"][0]["executionSuccessful"], false);
}

TEST(ReportSarif, AFindingStandsAtThePolicyOrElseAtTheExpectation) {
  Report report = sample::every();
  report.policies["P4"] = report.policies["P3"];
  report.policies["P2"] = report.policies["P3"];
  const auto at = [&](const std::string& name) {
    const Json where = result_of(report, name)["locations"][0]["physicalLocation"];
    return where["artifactLocation"]["uri"].get<std::string>() + ":" + where["region"]["startLine"].dump();
  };
  EXPECT_EQ(at("spoof/host-spoof-other-ip/P4"), "scenarios/policies/allow-dns.yaml:1");
  EXPECT_EQ(at("spoof/lookalike-names.prefix/P2"), "scenarios/policies/registry-only.yaml:1") << "PassthroughCluster";
  EXPECT_EQ(at("base/allowed-http/P2"), "scenarios/policies/registry-only.yaml:1") << "blocked";
  EXPECT_EQ(at("base/allowed-http/P0"), "scenarios/base.yaml:31") << "no policy";
  EXPECT_EQ(at("spoof/lookalike-names.prefix/P0"), "scenarios/spoof.yaml:31") << "news";
  const Json related = result_of(report, "spoof/host-spoof-other-ip/P4")["relatedLocations"];
  ASSERT_EQ(related.size(), 2U);
  EXPECT_EQ(related[0]["message"]["text"], "Sidecar default of profile P4");
  EXPECT_EQ(related[1]["physicalLocation"]["region"]["startLine"], 31);
}

TEST(ReportSarif, ARuleIsACaseWithItsFix) {
  const Json rules = run_of(sample::every())["tool"]["driver"]["rules"];
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_EQ(rules[0]["id"], "spoof/host-spoof-other-ip");
  EXPECT_EQ(rules[0]["help"]["text"],
            "Why: resolution NONE becomes an ORIGINAL_DST cluster. Fix: never resolution NONE for allowlisting");
  const Json run = run_of(sample::every());
  for (const Json& one : run["results"]) EXPECT_EQ(rules[one["ruleIndex"].get<std::size_t>()]["id"], one["ruleId"]);
}

TEST(ReportSarif, TextsAreNoLinksAndPathsAreUris) {
  Report report = sample::every();
  report.judged.findings[5].because = "[a](http://b) {0}";
  report.judged.findings[5].expectation.at.file = "/a b/%\xc3\xa9.yaml";
  const Json result = result_of(report, "spoof/lookalike-names.prefix/P2");
  EXPECT_THAT(result["message"]["text"].get<std::string>(), HasSubstr("\\[a\\](http://b) {{0}}"));
  EXPECT_EQ(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "file:///a%20b/%25%C3%A9.yaml");
}

}  // namespace
}  // namespace egressproof::report
