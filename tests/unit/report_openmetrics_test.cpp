#include "runner/report/openmetrics.h"

#include <gmock/gmock.h>

#include <limits>
#include <sstream>

#include "base/json.h"
#include "tests/unit/report_sample.h"
#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

std::string metrics_of(const Report& report) {
  std::ostringstream out;
  write_openmetrics(report, out);
  return out.str();
}

// By the parsers of the Prometheus client library, which come with the system's Python.
Json parsed(const std::string& text) {
  const sample::Folder folder;
  const std::string path = (folder.path() / "report.prom").string();
  EXPECT_TRUE(write_file_atomically(path, text));
  const auto ran = sample::run({"/usr/bin/python3", (sample::data_folder() / "read_openmetrics.py").string(), path});
  EXPECT_EQ(ran.code, 0) << ran.out;
  return Json::parse(ran.out, nullptr, false);
}

TEST(ReportOpenMetrics, TheParserReadsWhatTheRunFound) {
  const Json values = parsed(metrics_of(sample::every()));
  const std::map<std::string, double> expected = {
      {"egressproof_exit_code{}", 1},
      {"egressproof_aborted{}", 0},
      {"egressproof_receipts_complete{}", 1},
      {"egressproof_skips{}", 2},
      {"egressproof_cells{scenario=spoof,status=pass}", 3},
      {"egressproof_cells{scenario=spoof,status=known-leak}", 1},
      {"egressproof_cells{scenario=spoof,status=fail}", 1},
      {"egressproof_cells{scenario=base,status=fail}", 2},
      {"egressproof_cells{scenario=base,status=error}", 1},
      {"egressproof_cells{scenario=base,status=recorded}", 0},
      {"egressproof_policy_turn_seconds{quantile=0.5,turn=enforcement}", 0.12},
      {"egressproof_policy_turn_seconds{quantile=0.99,turn=enforcement}", 0.24},
      {"egressproof_policy_turn_seconds_count{turn=enforcement}", 3},
      {"egressproof_policy_turn_seconds{quantile=0.5,turn=revocation}", 0.075},
      {"egressproof_policy_turn_seconds_count{turn=revocation}", 1},
      {"egressproof_policy_turns_missing{turn=revocation}", 1},
      {"egressproof_phase_seconds{phase=open}", 3.25},
      {"egressproof_run_seconds{}", 5.125},
      {"egressproof_version{component=envoy,version=1.36.1}", 1},
      {"egressproof_version{component=egressproof,version=0.1.0}", 1}};
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(values.contains(name)) << name << " in " << values.dump(1);
    EXPECT_DOUBLE_EQ(values[name].get<double>(), value) << name;
  }
}

TEST(ReportOpenMetrics, AnyTextStaysALabel) {
  Report report = sample::nasty();
  report.scenarios[0].name = "a\"b\\c\nd";
  report.seconds["probes"] = std::numeric_limits<double>::quiet_NaN();
  const Json values = parsed(metrics_of(report));
  EXPECT_TRUE(values.contains(R"(egressproof_cells{scenario=a"b\\x0ad,status=pass})") ||
              values.contains(R"(egressproof_cells{scenario=a"b\c\x0ad,status=pass})"))
      << values.dump(1);
  EXPECT_EQ(values["egressproof_phase_seconds{phase=probes}"], 0.0);
  EXPECT_EQ(values["egressproof_aborted{}"], 1.0);
}

TEST(ReportOpenMetrics, ARunWithoutCellsIsNotSilent) {
  Report report = sample::empty();
  report.exit_code = 5;
  EXPECT_EQ(parsed(metrics_of(report))["egressproof_exit_code{}"], 5.0);
}

TEST(ReportOpenMetrics, TheParserIsStrict) {
  std::string text = metrics_of(sample::every());
  text.replace(text.find("egressproof_aborted 0"), 21, "egressproof_aborted x");
  const sample::Folder folder;
  const std::string path = (folder.path() / "report.prom").string();
  ASSERT_TRUE(write_file_atomically(path, text));
  EXPECT_NE(sample::run({"/usr/bin/python3", (sample::data_folder() / "read_openmetrics.py").string(), path}).code, 0);
}

}  // namespace
}  // namespace egressproof::report
