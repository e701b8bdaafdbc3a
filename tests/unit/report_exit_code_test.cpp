#include <gtest/gtest.h>

#include "tests/unit/report_sample.h"

namespace egressproof::report {
namespace {

using verdict::Status;

Report with(const std::vector<Status>& statuses) {
  Report report = sample::empty();
  int number = 0;
  for (const auto status : statuses)
    sample::add(report, sample::row("s", std::to_string(number++), "P2", scenario::Expect::deny),
                verdict::Verdict::deny, status, "");
  return report;
}

TEST(ReportExitCode, MatchedIsZero) {
  EXPECT_EQ(exit_code(with({Status::pass})), 0);
  EXPECT_EQ(exit_code(with({Status::pass, Status::known_leak, Status::recorded})), 0);
}

TEST(ReportExitCode, AMismatchIsOneAndWinsOverInconclusive) {
  EXPECT_EQ(exit_code(with({Status::pass, Status::fail})), 1);
  EXPECT_EQ(exit_code(with({Status::pass, Status::news})), 1);
  EXPECT_EQ(exit_code(with({Status::fail, Status::inconclusive, Status::error})), 1);
  Report report = with({Status::fail});
  report.evidence.receipts_complete = false;
  EXPECT_EQ(exit_code(report), 1);
}

TEST(ReportExitCode, AnAbortedRunIsThree) {
  for (const auto& statuses : std::vector<std::vector<Status>>{{}, {Status::pass}, {Status::fail}, {Status::error}}) {
    Report report = with(statuses);
    report.aborted = "a resource was rejected";
    EXPECT_EQ(exit_code(report), 3);
  }
}

TEST(ReportExitCode, InconclusiveIsFour) {
  EXPECT_EQ(exit_code(with({Status::pass, Status::inconclusive})), 4);
  EXPECT_EQ(exit_code(with({Status::pass, Status::error})), 4);
  Report lost = with({Status::pass});
  lost.evidence.receipts_complete = false;
  EXPECT_EQ(exit_code(lost), 4);
  Report broken = with({Status::pass});
  broken.evidence.errors = {"a proxy died"};
  EXPECT_EQ(exit_code(broken), 4);
}

TEST(ReportExitCode, NothingRanIsFive) {
  EXPECT_EQ(exit_code(with({})), 5);
  Report skipped = with({});
  skipped.skips = {{"s", "c", "P2", "needs kubernetes"}};
  EXPECT_EQ(exit_code(skipped), 5);
}

TEST(ReportExitCode, NoPassWithoutEvidenceAndNoEvidenceWithoutVerdict) {
  Report unproven = with({Status::pass, Status::pass});
  unproven.evidence.rows.pop_back();
  EXPECT_EQ(exit_code(unproven), 4);
  EXPECT_EQ(totals(unproven).at("error"), 1);
  Report unjudged = with({Status::pass, Status::pass});
  unjudged.judged.findings.erase(unjudged.judged.findings.begin());
  EXPECT_EQ(exit_code(unjudged), 4);
  EXPECT_EQ(totals(unjudged).at("pass"), 1);
}

TEST(ReportTotals, AllStatusesArePresent) {
  const std::map<std::string, int> expected = {{"pass", 2}, {"known-leak", 1},   {"news", 0}, {"recorded", 0},
                                               {"fail", 1}, {"inconclusive", 0}, {"error", 0}};
  EXPECT_EQ(totals(with({Status::pass, Status::known_leak, Status::pass, Status::fail})), expected);
}

}  // namespace
}  // namespace egressproof::report
