// A run in several worlds, one after the other.
#include <gmock/gmock.h>

#include "runner/run/add_part.h"
#include "tests/unit/run_support.h"

namespace egressproof::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Options in_worlds_of(std::size_t pods) {
  Options options = quick();
  options.pods_at_once = pods;
  return options;
}

std::vector<std::string> names_of(const report::Report& report) {
  std::vector<std::string> names;
  for (const verdict::Finding& one : report.judged.findings)
    names.push_back(one.scenario + "/" + one.case_id + " " + one.profile + " " + verdict::to_string(one.verdict));
  return names;
}

TEST(RunParts, TheVerdictsAndTheirOrderAreThoseOfOneWorld) {
  std::vector<std::string> begun;
  Options options = in_worlds_of(2);
  options.on_part = [&](std::size_t number, std::size_t of, const std::vector<std::string>& profiles) {
    std::string text = std::to_string(number) + "/" + std::to_string(of) + ":";
    for (const std::string& name : profiles) text += " " + name;
    begun.push_back(text);
  };
  const report::Report report = run_small({}, {}, options);
  const report::Report whole = run_small();
  EXPECT_THAT(begun, ElementsAre("1/3: P0 P1", "2/3: P2 P3", "3/3: P4"));
  EXPECT_EQ(names_of(report), names_of(whole));
  EXPECT_EQ(report.profiles, whole.profiles);
  EXPECT_EQ(report.cases.size(), whole.cases.size());
  EXPECT_EQ(report.skips.size(), whole.skips.size());
  EXPECT_EQ(report.exit_code, 0);
  EXPECT_TRUE(report.evidence.receipts_complete);
  ASSERT_EQ(report.evidence.policies.size(), 3U);
  for (const evidence::Row& row : report.evidence.rows) {
    EXPECT_EQ(row.world, row.cell.profile < "P2" ? 0 : row.cell.profile < "P4" ? 1 : 2) << row.cell.profile;
    EXPECT_TRUE(row.control.allowed_before) << row.cell.case_id;
  }
  EXPECT_EQ(report.evidence.policies[1].enforcement.size(), 2U);
}

TEST(RunParts, WhatFailsInOneIsTold) {
  backend::fake::Faults faults;
  faults.enforcement = {{"P4", true, 0}};
  Options options = impatient();
  options.pods_at_once = 2;
  const report::Report report = run_small(faults, {}, options);
  for (const std::string& one : surprises(report)) EXPECT_THAT(one, HasSubstr("/P4 "));
  EXPECT_THAT(surprises(report), ::testing::Not(IsEmpty()));
  EXPECT_EQ(report.exit_code, 1);
}

TEST(RunParts, AnEndThatWasAskedForIsOneOfAllWorlds) {
  Options options = in_worlds_of(2);
  std::size_t part = 0;
  options.on_part = [&](std::size_t number, std::size_t, const auto&) { part = number; };
  options.interrupted = [&] { return part == 2 ? SIGINT : 0; };
  const report::Report report = run_small({}, {}, options);
  EXPECT_EQ(part, 2U);
  EXPECT_EQ(report.exit_code, 130);
  for (const verdict::Finding& one : report.judged.findings) EXPECT_LT(one.profile, "P2");
  EXPECT_EQ(report.judged.findings.empty(), false) << "what the first world saw is told";
  EXPECT_TRUE(report.evidence.receipts_complete) << "of what was received";
}

// What one world lost, no other brings back.
TEST(AddPart, AWorldWithoutLossDoesNotHideOneWithIt) {
  const auto part = [](const char* profile, bool complete, bool readable, const std::string& error) {
    report::Report made;
    made.evidence.rows.emplace_back();
    made.evidence.rows.back().cell.profile = profile;
    made.evidence.policies.emplace_back();
    made.evidence.receipts_complete = complete;
    made.evidence.records_readable = readable;
    if (!error.empty()) made.evidence.errors.push_back(error);
    made.evidence.unattributed["deny"] = 2;
    made.judged.findings.emplace_back();
    made.judged.findings.back().profile = profile;
    made.judged.findings.back().status = verdict::Status::pass;
    return made;
  };
  for (const bool lost_first : {true, false}) {
    report::Report report;
    add_part(report, part("P2", !lost_first, !lost_first, lost_first ? "lost" : ""));
    add_part(report, part("P3", lost_first, lost_first, lost_first ? "" : "lost"));
    EXPECT_FALSE(report.evidence.receipts_complete);
    EXPECT_FALSE(report.evidence.records_readable);
    EXPECT_EQ(report.evidence.errors, std::vector<std::string>{"lost"});
    EXPECT_EQ(report.evidence.unattributed.at("deny"), 4);
    EXPECT_EQ(report::exit_code(report), 4) << "not every world had all its receipts";
    EXPECT_EQ(report.evidence.rows[1].world, 1);
  }
  report::Report whole;
  add_part(whole, part("P2", true, true, ""));
  add_part(whole, part("P3", true, true, ""));
  EXPECT_EQ(report::exit_code(whole), 0);
}

TEST(RunParts, TheDeadlineIsOneForAll) {
  Options options = in_worlds_of(1);
  options.deadline = std::chrono::milliseconds(1);
  std::size_t part = 0;
  options.on_part = [&](std::size_t number, std::size_t, const auto&) { part = number; };
  EXPECT_NE(run_small({}, {}, options).aborted, "");
  EXPECT_EQ(part, 1U);
}

}  // namespace
}  // namespace egressproof::run
