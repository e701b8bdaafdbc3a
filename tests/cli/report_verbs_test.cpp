// `report` and `diff` through the real program, on reports of runs in the fake world.
#include <gmock/gmock.h>

#include "tests/cli/support.h"

namespace egressproof::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* leak = R"({"overrides": [{"attempt": "basic/deny-raw/P3", "behaviour": "leak"}]})";

std::vector<std::string> all_forms(const Scratch& scratch) {
  std::vector<std::string> words;
  for (const char* form : {"json", "ndjson", "junit", "text", "markdown", "html", "sarif", "openmetrics"}) {
    words.push_back("--" + std::string(form));
    words.push_back(scratch.path("out/report." + std::string(form)));
  }
  return words;
}

const std::vector<std::pair<const char*, const char*>> marks_of_forms = {{"json", "\"exit_code\": "},
                                                                         {"ndjson", "{\"type\":\"summary\""},
                                                                         {"junit", "<testsuites"},
                                                                         {"text", "(exit code "},
                                                                         {"markdown", "# egressproof: "},
                                                                         {"html", "<!doctype html>"},
                                                                         {"sarif", "\"version\": \"2.1.0\""},
                                                                         {"openmetrics", "# EOF\n"}};

TEST(Report, ARunWritesEveryFormOnEveryWayOut) {
  for (const auto& [faults, code] : std::vector<std::pair<std::string, int>>{
           {"", 0}, {leak, 1}, {R"({"open_error": "no network namespaces here"})", 3}}) {
    const Scratch scratch;
    const Ended ended = run_small(scratch, faults, all_forms(scratch));
    EXPECT_EQ(ended.code, code) << ended.err;
    for (const auto& [form, mark] : marks_of_forms)
      EXPECT_THAT(scratch.read("out/report." + std::string(form)), HasSubstr(mark)) << form;
    if (code != 3) continue;
    for (const char* form : {"markdown", "html", "sarif"})
      EXPECT_THAT(scratch.read("out/report." + std::string(form)), HasSubstr("no network namespaces here")) << form;
    EXPECT_THAT(scratch.read("out/report.openmetrics"), HasSubstr("egressproof_aborted 1\n"));
  }
}

TEST(Report, ConvertsToTheSameBytesAsTheRunWrote) {
  const Scratch scratch;
  ASSERT_EQ(run_small(scratch, leak, all_forms(scratch)).code, 1);
  std::filesystem::rename(scratch.path("out"), scratch.path("ran"));
  std::vector<std::string> words = {"report", scratch.path("ran/report.json")};
  for (const std::string& word : all_forms(scratch)) words.push_back(word);
  const Ended ended = run(words);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "");
  for (const auto& [form, mark] : marks_of_forms)
    EXPECT_EQ(scratch.read("out/report." + std::string(form)), scratch.read("ran/report." + std::string(form))) << form;
}

TEST(Report, WithoutAFormIsTheText) {
  const Scratch scratch;
  const Ended ran = run_small(scratch, leak, {"--json", scratch.path("report.json")});
  const Ended shown = run({"report", scratch.path("report.json")});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(shown.out, ran.out);
}

TEST(Report, WhatIsNoReportIsAUsageError) {
  const Scratch scratch;
  const Ended none = run({"report", scratch.path("none.json"), "--html", scratch.path("x.html")});
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.err, HasSubstr("none.json"));
  const Ended broken = run({"report", scratch.write("broken.json", "{\"schema\":")});
  EXPECT_EQ(broken.code, 2);
  EXPECT_THAT(broken.err, HasSubstr("broken.json' is not JSON: "));
  const Ended other = run({"report", scratch.write("other.json", "{\"schema\": 1}")});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("other.json' is not a report: "));
  EXPECT_FALSE(scratch.has("x.html"));
  ASSERT_EQ(run_small(scratch, "", {"--json", scratch.path("report.json")}).code, 0);
  EXPECT_EQ(run({"report", scratch.path("report.json"), "--html", "/proc/none/x.html"}).code, 3);
}

TEST(Diff, TellsWhatGotWorseAndWhatGotBetter) {
  const Scratch scratch;
  ASSERT_EQ(run_small(scratch, "", {"--json", scratch.path("good.json")}).code, 0);
  ASSERT_EQ(run_small(scratch, leak, {"--json", scratch.path("bad.json")}).code, 1);
  const Ended worse =
      run({"diff", scratch.path("good.json"), scratch.path("bad.json"), "--json", scratch.path("d.json")});
  EXPECT_EQ(worse.code, 1);
  EXPECT_THAT(worse.out, HasSubstr("\nregressed (1)\n\n  basic/deny-raw [P3]\n"));
  EXPECT_THAT(worse.out, HasSubstr("LEAK (fail)"));
  EXPECT_THAT(worse.out, HasSubstr("1 regressed, 29 the same\nresult: WORSE\n"));
  const Json json = Json::parse(scratch.read("d.json"));
  EXPECT_EQ(json["differences"][0]["b"]["verdict"], "LEAK");
  EXPECT_EQ(json["differences"][0]["a"]["verdict"], "DENY");
  const Ended better = run({"diff", scratch.path("bad.json"), scratch.path("good.json")});
  EXPECT_EQ(better.code, 0);
  EXPECT_THAT(better.out, HasSubstr("1 fixed, 29 the same\nresult: nothing got worse\n"));
  const std::string known =
      scratch.write("known.yaml", "- {case: basic/deny-raw, profile: P3, backends: [fake], reason: on purpose}\n");
  const Ended explained = run({"diff", scratch.path("good.json"), scratch.path("bad.json"), "--known", known});
  EXPECT_EQ(explained.code, 0) << explained.out;
  EXPECT_THAT(explained.out, HasSubstr("regressed, explained (1)"));
}

TEST(Diff, ASelectionIsNotWorseIfSaidSo) {
  const Scratch scratch;
  ASSERT_EQ(run_small(scratch, "", {"--json", scratch.path("all.json")}).code, 0);
  ASSERT_EQ(run_small(scratch, "", {"--json", scratch.path("some.json"), "--profile", "P3"}).code, 0);
  EXPECT_EQ(run({"diff", scratch.path("all.json"), scratch.path("some.json")}).code, 1);
  const Ended ended = run({"diff", scratch.path("all.json"), scratch.path("some.json"), "--selection"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, HasSubstr("24 gone, 6 the same\n"));
}

TEST(Diff, UsageErrors) {
  const Scratch scratch;
  ASSERT_EQ(run_small(scratch, "", {"--json", scratch.path("a.json")}).code, 0);
  EXPECT_EQ(run({"diff", scratch.path("a.json")}).code, 2);
  EXPECT_EQ(run({"diff", scratch.path("a.json"), scratch.path("none.json")}).code, 2);
  const std::string known = scratch.write("known.yaml", "- {case: a, profile: P3, reson: x}\n");
  const Ended ended = run({"diff", scratch.path("a.json"), scratch.path("a.json"), "--known", known});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("did you mean 'reason'?"));
  EXPECT_EQ(ended.out, "");
}

TEST(Help, OfReportAndDiffFitsAScreenAndEndsWithThreeExamples) {
  for (const char* verb : {"report", "diff"}) {
    const Ended ended = run({verb, "--help"});
    EXPECT_EQ(ended.code, 0);
    std::vector<std::string> lines;
    std::istringstream stream(ended.out);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    EXPECT_LE(lines.size(), 48U) << ended.out;
    ASSERT_GE(lines.size(), 4U);
    EXPECT_EQ(lines[lines.size() - 4], "Examples:");
    for (std::size_t i = lines.size() - 3; i < lines.size(); ++i)
      EXPECT_THAT(lines[i], StartsWith("  egressproof " + std::string(verb) + " "));
  }
}

}  // namespace
}  // namespace egressproof::cli
