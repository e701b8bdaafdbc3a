#include <gmock/gmock.h>

#include <sstream>

#include "base/json.h"
#include "tests/unit/report_sample.h"
#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

std::string junit_of(const Report& report) {
  std::ostringstream out;
  write_junit(report, out);
  return out.str();
}

// As a parser that knows nothing of us reads it: {"tests": ..., "cases": {"spoof/case [P0]": {"outcome": ..., ...}}}.
Json parsed(const Report& report) {
  const sample::Folder folder;
  const std::string path = (folder.path() / "junit.xml").string();
  EXPECT_TRUE(write_file_atomically(path, junit_of(report)));
  const auto ran = sample::run({"python3", (sample::data_folder() / "read_junit.py").string(), path});
  EXPECT_EQ(ran.code, 0) << ran.out;
  return Json::parse(ran.out, nullptr, false);
}

TEST(ReportJunit, Golden) { sample::expect_golden("every.junit.xml", junit_of(sample::every())); }

TEST(ReportJunit, EachStatusHasItsElement) {
  const Json read = parsed(sample::every());
  const std::map<std::string, std::string> expected = {{"spoof/host-spoof-other-ip [P0]", "passed"},
                                                       {"spoof/host-spoof-other-ip [P2]", "passed"},
                                                       {"spoof/host-spoof-other-ip [P3]", "passed"},
                                                       {"spoof/host-spoof-other-ip [P4]", "skipped"},
                                                       {"spoof/lookalike-names.prefix [P0]", "failure NEWS"},
                                                       {"spoof/lookalike-names.prefix [P2]", "failure LEAK"},
                                                       {"spoof/lookalike-names.prefix [P3]", "skipped"},
                                                       {"spoof/lookalike-names.prefix [P4]", "skipped"},
                                                       {"base/allowed-http [P0]", "failure WRONG-PATH"},
                                                       {"base/allowed-http [P2]", "failure FALSE-DENY"},
                                                       {"base/allowed-http [P3]", "error INCONCLUSIVE"},
                                                       {"base/allowed-http [P4]", "error ERROR"},
                                                       {"base/down [P0]", "passed"},
                                                       {"base/down [P4]", "skipped"},
                                                       {"dns/all cases [all profiles]", "skipped"}};
  ASSERT_EQ(read["cases"].size(), expected.size());
  for (const auto& [name, outcome] : expected) EXPECT_EQ(read["cases"][name]["outcome"], outcome) << name;
  EXPECT_EQ(read["counts"], Json::parse(R"({"tests":15,"failures":4,"errors":2,"skipped":5})"));
}

TEST(ReportJunit, AKnownLeakIsVisibleAndNotPassed) {
  const Json one = parsed(sample::every())["cases"]["spoof/host-spoof-other-ip [P4]"];
  EXPECT_EQ(one["outcome"], "skipped");
  EXPECT_EQ(one["message"], "KNOWN-LEAK: a receipt at sink, which is a documented hole");
  EXPECT_EQ(one["properties"]["verdict"], "LEAK");
  EXPECT_THAT(one["text"].get<std::string>(), testing::HasSubstr("arrived at sink"));
}

TEST(ReportJunit, ARunWithoutAResultIsAnError) {
  Report report = sample::empty();
  EXPECT_EQ(parsed(report)["cases"]["egressproof/selection"]["outcome"], "error NOTHING-RAN");
  report.aborted = "no istiod";
  const Json aborted = parsed(report)["cases"]["egressproof/run"];
  EXPECT_EQ(aborted["outcome"], "error ABORTED");
  EXPECT_EQ(aborted["message"], "no istiod");
  report = sample::wide(1);
  report.evidence.receipts_complete = false;
  EXPECT_EQ(parsed(report)["cases"]["egressproof/receipts"]["outcome"], "error INCOMPLETE");
}

TEST(ReportJunit, AnyBytesStayXml) {
  const Json read = parsed(sample::nasty());
  const Json one = read["cases"]["spoof/lookalike-names.prefix [P2]"];
  EXPECT_EQ(one["message"], "\\x1b[2J\\xff\xc3\xa9 \\u{202e} <&>\"' ]]> \xef\xbf\xbd\\xed\\xa0\\x80");
  EXPECT_THAT(one["text"].get<std::string>(), testing::HasSubstr("a\\x00\\x01\\x1b[31m\\x7f\\x80\\xff'\"<&>]]>"));
}

TEST(ReportJunit, SameReportSameBytes) { EXPECT_EQ(junit_of(sample::nasty()), junit_of(sample::nasty())); }

}  // namespace
}  // namespace egressproof::report
