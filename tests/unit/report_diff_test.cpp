#include "runner/report/diff.h"

#include <gmock/gmock.h>

#include <sstream>

#include "runner/report/read.h"
#include "tests/unit/report_sample.h"

namespace egressproof::report {
namespace {

using testing::HasSubstr;
using testing::Not;
using verdict::Status;
using verdict::Verdict;

struct Outcome {
  Verdict verdict;
  Status status;
};

constexpr Outcome denied{Verdict::deny, Status::pass};
constexpr Outcome leaked{Verdict::leak, Status::fail};
constexpr Outcome known{Verdict::leak, Status::known_leak};
constexpr Outcome recorded_leak{Verdict::leak, Status::recorded};
constexpr Outcome recorded_deny{Verdict::deny, Status::recorded};
constexpr Outcome news{Verdict::deny, Status::news};
constexpr Outcome unsure{Verdict::inconclusive, Status::inconclusive};
constexpr Outcome failed{Verdict::error, Status::error};
constexpr Outcome false_deny{Verdict::false_deny, Status::fail};

Report with(std::vector<Outcome> outcomes) {
  Report report = sample::empty();
  int number = 0;
  for (const auto& [verdict, status] : outcomes)
    sample::add(report, sample::row("s", "c" + std::to_string(number++), "P3", scenario::Expect::deny), verdict, status,
                "because", verdict::Layer::sidecar, "BlackHoleCluster (UH)");
  return report;
}

std::string change(Outcome before, Outcome after) {
  const Report a = with({before});
  const Report b = with({after});
  const Comparison made = compare(a, b, {});
  if (made.differences.empty()) return "same";
  EXPECT_EQ(worse(made), made.differences[0].change == Change::regressed);
  return to_string(made.differences[0].change);
}

std::string text_of(const Comparison& comparison) {
  std::ostringstream out;
  write_diff(comparison, 120, out);
  return out.str();
}

TEST(Diff, WhatPassedAndDoesNotRegressed) {
  for (const Outcome after : {leaked, known, unsure, failed, false_deny, recorded_leak, news})
    EXPECT_EQ(change(denied, after), "regressed") << to_string(after.verdict) << " " << to_string(after.status);
}

TEST(Diff, ALeakThatIsNewIsNeverCalledBetter) {
  for (const Outcome before : {denied, unsure, failed, news, recorded_deny, false_deny})
    for (const Outcome after : {leaked, known, recorded_leak})
      EXPECT_EQ(change(before, after), "regressed") << to_string(before.status) << " " << to_string(after.status);
  EXPECT_EQ(change(leaked, known), "changed") << "written down, not fixed";
  EXPECT_EQ(change(known, leaked), "regressed");
}

TEST(Diff, FixedNeedsAVerdict) {
  EXPECT_EQ(change(leaked, denied), "fixed");
  EXPECT_EQ(change(known, denied), "fixed");
  EXPECT_EQ(change(known, news), "fixed");
  EXPECT_EQ(change(unsure, denied), "fixed");
  EXPECT_EQ(change(recorded_leak, recorded_deny), "fixed");
  EXPECT_EQ(change(leaked, unsure), "changed");
  EXPECT_EQ(change(leaked, failed), "changed");
  EXPECT_EQ(change(unsure, failed), "changed");
  EXPECT_EQ(change(known, unsure), "regressed");
}

TEST(Diff, TheSameRunHasNoDifference) {
  const Report report = sample::every();
  const auto again = from_json(to_json(report));
  ASSERT_TRUE(again);
  const Comparison made = compare(report, *again, {});
  EXPECT_TRUE(made.differences.empty());
  EXPECT_EQ(made.same, 13);
  EXPECT_FALSE(worse(made));
  EXPECT_THAT(text_of(made), HasSubstr("\n13 the same\nresult: nothing got worse\n"));
}

TEST(Diff, MechanismLayerAndPlaceAreTold) {
  const Report a = with({denied, denied, denied, denied});
  Report b = a;
  b.judged.findings[0].mechanism = "route block_all, 502 direct_response";
  b.judged.findings[1].layer = verdict::Layer::gateway;
  b.judged.findings[2].reached = {"other"};
  const Comparison made = compare(a, b, {});
  ASSERT_EQ(made.differences.size(), 3U);
  for (const auto& one : made.differences) EXPECT_EQ(one.change, Change::changed_mechanism);
  EXPECT_FALSE(worse(made));
  EXPECT_THAT(text_of(made), HasSubstr("BlackHoleCluster (UH)"));
  EXPECT_THAT(text_of(made), HasSubstr("route block_all"));
}

TEST(Diff, NewGoneAndSkipped) {
  const Report a = with({denied, denied, denied});
  Report b = with({denied, denied, denied, denied, leaked});
  b.evidence.rows.erase(b.evidence.rows.begin() + 1, b.evidence.rows.begin() + 3);
  b.judged.findings.erase(b.judged.findings.begin() + 1, b.judged.findings.begin() + 3);
  b.skips = {{"s", "c2", "", "needs kubernetes"}};
  const Comparison made = compare(a, b, {});
  std::vector<std::string> told;
  for (const auto& one : made.differences)
    told.push_back(to_string(one.change) + " " + one.case_id + (one.worse ? " worse" : ""));
  EXPECT_EQ(told, (std::vector<std::string>{"newly skipped c2 worse", "gone c1 worse", "new c3", "new c4 worse"}));
  EXPECT_EQ(made.same, 1);
  EXPECT_THAT(text_of(made), HasSubstr("skipped: needs kubernetes"));
  DiffOptions selection;
  selection.selection = true;
  b.judged.findings.pop_back();
  b.evidence.rows.pop_back();
  EXPECT_TRUE(worse(compare(a, b, {})));
  EXPECT_FALSE(worse(compare(a, b, selection)));
}

TEST(Diff, ARunThatDidNotFinishIsWorseWhateverItsCellsSay) {
  const Report a = with({denied});
  Report b = a;
  b.aborted = "no istiod";
  EXPECT_TRUE(worse(compare(a, b, {})));
  b.aborted.clear();
  b.evidence.receipts_complete = false;
  EXPECT_TRUE(worse(compare(a, b, {})));
  DiffOptions selection;
  selection.selection = true;
  EXPECT_TRUE(worse(compare(a, with({}), selection))) << "nothing ran";
}

TEST(Diff, OrderIsThatOfTheSuiteWithinAKind) {
  const Report a = with({denied, denied, leaked, denied});
  const Report b = with({leaked, unsure, denied, leaked});
  std::vector<std::string> order;
  const Comparison made = compare(a, b, {});
  for (const auto& one : made.differences) order.push_back(one.case_id);
  EXPECT_EQ(order, (std::vector<std::string>{"c0", "c1", "c3", "c2"}));
  EXPECT_EQ(diff_json(made).dump(), diff_json(compare(a, b, {})).dump());
}

TEST(Diff, AKnownDifferenceIsListedAsExplained) {
  const Report a = with({denied, denied});
  Report b = with({leaked, denied});
  b.backend = "kubernetes";
  const auto list = known_differences("known.yaml", R"(- case: s/c*
  profile: P3
  backends: [lab, kubernetes]
  reason: the CNI of the cluster does not capture it
  reference: https://istio.io/
- {case: s/c1, profile: P9, reason: never}
)");
  ASSERT_TRUE(list) << list.error().message;
  DiffOptions options;
  options.known = *list;
  const Comparison made = compare(a, b, options);
  EXPECT_FALSE(worse(made));
  EXPECT_THAT(text_of(made), HasSubstr("regressed, explained (1)"));
  EXPECT_THAT(text_of(made), HasSubstr("the CNI of the cluster does not capture it"));
  ASSERT_EQ(made.unused.size(), 1U);
  EXPECT_THAT(text_of(made), HasSubstr("s/c1 [P9] at known.yaml:6:3: never"));
  EXPECT_EQ(diff_json(made)["differences"][0]["explained"]["reason"], "the CNI of the cluster does not capture it");
  b.backend = "other";
  EXPECT_TRUE(worse(compare(a, b, options))) << "the entry is not for this backend";
}

TEST(Diff, KnownDifferencesAreReadStrictly) {
  const std::vector<std::pair<const char*, const char*>> mistakes = {
      {"- {case: a, profile: P1, reson: x}", "did you mean 'reason'?"},
      {"- {case: a, profile: P1}", "'reason'"},
      {"- {case: a, profile: P1, reason: x, backends: lab}", "'backends'"},
      {"case: a", "list of known differences"},
      {"- {case: [", "known.yaml:"}};
  for (const auto& [text, message] : mistakes) {
    const auto list = known_differences("known.yaml", text);
    ASSERT_FALSE(list) << text;
    EXPECT_EQ(list.error().kind, ErrorKind::usage);
    EXPECT_THAT(list.error().message, HasSubstr(message)) << text;
  }
}

TEST(Diff, BothEvidencesAreInTheJson) {
  const Report a = with({denied});
  const Report b = with({leaked});
  const Json json = diff_json(compare(a, b, {}));
  EXPECT_EQ(json["worse"], true);
  EXPECT_EQ(json["totals"]["regressed"], 1);
  const Json& one = json["differences"][0];
  EXPECT_EQ(one["a"].dump(), to_json(a)["cells"][0].dump());
  EXPECT_EQ(one["b"].dump(), to_json(b)["cells"][0].dump());
}

TEST(Diff, NothingOfTheReportsActsOnTheTerminal) {
  const Report a = sample::every();
  const std::string text = text_of(compare(a, sample::nasty(), {}));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("B was aborted"));
}

}  // namespace
}  // namespace egressproof::report
