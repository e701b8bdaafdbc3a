#include "runner/report/markdown.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/unit/report_sample.h"
#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string markdown_of(const Report& report) {
  std::ostringstream out;
  write_markdown(report, out);
  return out.str();
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(ReportMarkdown, Golden) { sample::expect_golden("every.md", markdown_of(sample::every())); }

TEST(ReportMarkdown, EachTableHasItsColumnsInEveryLine) {
  std::istringstream lines(markdown_of(sample::nasty()));
  std::size_t expected = 0;
  std::size_t tables = 0;
  bool block = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("```", 0) == 0) block = !block;
    if (block || line.rfind('|', 0) != 0) {
      expected = 0;
      continue;
    }
    const std::size_t bars = count(line, "|");
    if (expected == 0) ++tables;
    if (expected == 0) expected = bars;
    EXPECT_EQ(bars, expected) << line;
  }
  EXPECT_FALSE(block);
  EXPECT_EQ(tables, 7U);  // totals, known leaks, two scenarios, marks, profiles, skips
}

TEST(ReportMarkdown, NothingOfTheReportBecomesMarkup) {
  Report report = sample::every();
  const std::string attack = "<img src=x> [a](http://b) **c** `d` @team | www.e.test\n# f\n```\n~~g~~ $h$";
  report.aborted = attack;
  report.judged.findings[5].because = attack;
  report.judged.findings[3].reached = {attack};
  report.cases[0].why = report.cases[0].fix = report.cases[0].reference = attack;
  report.scenarios[0].title = attack;
  report.scenarios[0].requirement = "- " + attack;
  report.evidence.errors = {attack};
  report.evidence.rows[5].probe.logged[0].details = "```\n# out of the block";
  const std::string text = markdown_of(report);
  std::istringstream lines(text);
  std::string fence;
  for (std::string line; std::getline(lines, line);) {
    if (fence.empty() && line.rfind("```", 0) == 0) {
      fence = line.substr(0, line.find_first_not_of('`'));
    } else if (line == fence && !fence.empty()) {
      fence.clear();
    } else if (fence.empty()) {
      for (const auto* bad : {"<img", "http://", "**c", "@team", "www.e", "[a", "`d", "~~g", "$h"})
        EXPECT_THAT(line, Not(HasSubstr(bad))) << line;
      EXPECT_TRUE(line.rfind("# f", 0) != 0 && line.rfind("- ", 0) != 0 && line.rfind("```", 0) != 0) << line;
    }
  }
  EXPECT_EQ(fence, "");
  EXPECT_THAT(text, HasSubstr("&#60;img src=x&#62; &#91;a&#93;(http:&#47;/b)"));
}

TEST(ReportMarkdown, AKnownLeakIsNoPass) {
  const std::string text = markdown_of(sample::every());
  EXPECT_THAT(text, HasSubstr("Not passes.\n\n| case | profiles | arrived at | why | fix |\n|---|---|---|---|---|\n"
                              "| spoof/host-spoof-other-ip | P4 | sink | "));
  EXPECT_THAT(text, HasSubstr("| host-spoof-other-ip | allow | deny | reroute | leak&#42; |"));
}

TEST(ReportMarkdown, ManyMismatchesAreCounted) {
  Report report = sample::wide(30);
  for (auto& finding : report.judged.findings) finding.status = verdict::Status::fail;
  const std::string text = markdown_of(report);
  EXPECT_EQ(count(text, "<details>"), 40U);
  EXPECT_THAT(text, HasSubstr("and " + std::to_string(report.judged.findings.size() - 40) + " more"));
}

TEST(ReportMarkdown, AnAbortedRunSaysSoFirst) {
  Report report = sample::empty();
  report.aborted = "no istiod";
  EXPECT_THAT(markdown_of(report), testing::StartsWith("# egressproof: RUN ABORTED: no istiod\n"));
}

}  // namespace
}  // namespace egressproof::report
