#include <gmock/gmock.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "runner/report/printable.h"
#include "tests/unit/report_sample.h"
#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_of(const Report& report, int width, bool colour = false, bool verbose = false) {
  std::ostringstream out;
  write_text(report, {colour, width, verbose}, out);
  return out.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(ReportText, Golden) { sample::expect_golden("every.txt", text_of(sample::every(), 100)); }

TEST(ReportText, SameReportSameBytes) {
  EXPECT_EQ(text_of(sample::every(), 80), text_of(sample::every(), 80));
  EXPECT_EQ(text_of(sample::wide(60), 80), text_of(sample::wide(60), 80));
}

TEST(ReportText, ColourIsOnlyColour) {
  const std::string plain = text_of(sample::every(), 100);
  const std::string coloured = text_of(sample::every(), 100, true);
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  EXPECT_THAT(coloured, HasSubstr("\x1b[1;31mLEAK!\x1b[0m"));
  EXPECT_THAT(coloured, HasSubstr("\x1b[32mdeny\x1b[0m"));
  EXPECT_EQ(std::regex_replace(coloured, std::regex("\x1b\\[[0-9;]*m"), ""), plain);
}

TEST(ReportText, NothingOfTheWireActsOnTheTerminal) {
  for (const bool verbose : {false, true}) {
    const std::string text = text_of(sample::nasty(), 100, false, verbose);
    const auto harmful = [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7F; };
    EXPECT_TRUE(std::none_of(text.begin(), text.end(), harmful));
    EXPECT_EQ(text, valid_utf8(text));
    EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));  // right-to-left override
    EXPECT_THAT(text, HasSubstr("\xc3\xa9"));
    EXPECT_THAT(text, HasSubstr("\\u{202e}"));
    EXPECT_THAT(text, HasSubstr("a\\x00\\x01\\x1b[31m\\x7f\\x80\\xff"));
  }
}

TEST(ReportText, OfSeveralWorldsEachCellHasItsOwn) {
  Report report = sample::every();
  const std::string one_world = text_of(report, 200, false, true);
  EXPECT_THAT(one_world, Not(HasSubstr("world 1 of")));
  report.evidence.policies.push_back(report.evidence.policies.front());
  report.evidence.policies.back().because = "of the second world";
  EXPECT_THAT(text_of(report, 200, false, true), Not(HasSubstr("of the second world; the attempt")));
  for (evidence::Row& row : report.evidence.rows) row.world = 1;
  const std::string text = text_of(report, 200, false, true);
  EXPECT_THAT(text, HasSubstr("of the second world; the attempt"));
  EXPECT_THAT(text, HasSubstr("world 2 of 2, generation"));
}

class MatrixWidth : public testing::TestWithParam<int> {};

TEST_P(MatrixWidth, FitsAndLosesNothing) {
  const Report report = sample::wide(60);
  const auto lines = lines_of(text_of(report, GetParam()));
  std::size_t cells = 0;
  std::vector<std::string> seen_profiles;
  std::map<std::string, int> names;
  bool in_matrix = false;
  for (const std::string& line : lines) {
    if (line == "marks") break;
    if (line.rfind("spoof:", 0) == 0) in_matrix = true;
    if (!in_matrix || line.empty() || line[0] != ' ') continue;
    EXPECT_LE(columns(line), static_cast<std::size_t>(GetParam())) << line;
    EXPECT_NE(line.back(), ' ') << line;
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == report.profiles.front() || line[3] == ' ') {  // a header
      do seen_profiles.push_back(word);
      while (words >> word);
      continue;
    }
    ++names[word];
    while (words >> word) ++cells;
  }
  EXPECT_EQ(cells, 60 * report.profiles.size());
  EXPECT_EQ(names.size(), 60U) << "two cases cut to one name";
  for (const auto& profile : report.profiles)
    EXPECT_EQ(std::count(seen_profiles.begin(), seen_profiles.end(), profile), 2) << profile;  // once a scenario
}

INSTANTIATE_TEST_SUITE_P(Widths, MatrixWidth, testing::Values(50, 60, 72, 80, 100, 120, 160));

TEST(ReportText, NamesAreCutOnlyWhereTheyMustBe) {
  EXPECT_THAT(text_of(sample::wide(60), 160), HasSubstr("lookalike-names.suffix-with-a-long-tail-10  allow  allow"));
  EXPECT_THAT(text_of(sample::wide(60), 80), HasSubstr(" lookalike-nam..long-tail-10 allow allow"));
}

TEST(ReportText, NamesThatDifferInTheMiddleAreNotCutThere) {
  Report report = sample::wide(0);
  for (const char* middle : {"first", "other"})
    sample::add(report,
                sample::row("spoof", "a-long-beginning-of-a-name-" + std::string(middle) + "-and-an-end-as-long", "P0",
                            scenario::Expect::allow),
                verdict::Verdict::allow, verdict::Status::pass, "arrived");
  const auto lines = lines_of(text_of(report, 50));
  std::vector<std::string> names;
  for (const auto& line : lines)
    if (line.rfind("  a-long", 0) == 0) names.push_back(line.substr(2, line.find(' ', 2) - 2));
  std::sort(names.begin(), names.end());
  ASSERT_GE(names.size(), 2U);
  EXPECT_NE(names.front(), names.back());
}

TEST(ReportText, LegendShowsOnlyTheMarksUsed) {
  const std::string text = text_of(sample::wide(8), 120);
  EXPECT_THAT(text, HasSubstr("leak*    known leak"));
  EXPECT_THAT(text, Not(HasSubstr("LEAK!")));
  EXPECT_THAT(text, Not(HasSubstr("inconclusive: ")));
}

TEST(ReportText, AnAbortedRunSaysSoFirstAndLast) {
  Report report = sample::every();
  report.aborted = "istiod never became ready";
  report.exit_code = exit_code(report);
  const std::string text = text_of(report, 80);
  EXPECT_LT(text.find("RUN ABORTED: istiod never became ready"), text.find("spoof: "));
  EXPECT_THAT(lines_of(text).back(), HasSubstr("RUN ABORTED: istiod never became ready (exit code 3)"));
}

TEST(ReportText, ALeakIsNeverShownAsAPass) {
  for (const auto status : {verdict::Status::pass, verdict::Status::fail}) {
    Report report = sample::single();
    report.judged.findings[0].status = status;
    EXPECT_THAT(text_of(report, 100), HasSubstr("LEAK!"));
  }
}

TEST(ReportText, LostReceiptsAndRunErrorsAreTold) {
  Report report = sample::every();
  report.evidence.receipts_complete = false;
  report.evidence.errors = {"receipt 17 is missing"};
  const std::string text = text_of(report, 100);
  EXPECT_THAT(text, HasSubstr("the receipts are incomplete"));
  EXPECT_THAT(text, HasSubstr("receipt 17 is missing"));
  EXPECT_THAT(text, HasSubstr("nothing received, but RECEIPTS ARE INCOMPLETE"));
}

TEST(ReportText, PassesAreExplainedOnlyWhenAsked) {
  const std::string line = "egressproof repro spoof/host-spoof-other-ip --profile P2";
  EXPECT_THAT(text_of(sample::every(), 100), Not(HasSubstr(line)));
  EXPECT_THAT(text_of(sample::every(), 100, false, true), HasSubstr(line));
}

TEST(ReportText, ASkipNamesCasesWithoutTheirVariant) {
  Report report = sample::every();
  report.skips = {{"spoof", "lookalike-names", "P9", "needs kubernetes"}};
  const auto lines = lines_of(text_of(report, 100));
  EXPECT_THAT(lines, testing::Contains(testing::MatchesRegex("  lookalike-names.prefix +news! .* skip")));
  EXPECT_THAT(lines, Not(testing::Contains(testing::MatchesRegex("  lookalike-names .*"))));
}

}  // namespace
}  // namespace egressproof::report
