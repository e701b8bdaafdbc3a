// A plan in parts that fit a world each.
#include "runner/plan/parts.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/unit/plan_sample.h"

namespace egressproof::plan {
namespace {

using ::testing::ElementsAre;

// A cell in each of P1..P4 whose control comes from the vantage, or in P4 from P2; P2 has two pods of cases.
Plan sample() {
  Plan plan;
  plan.profiles = {profile("P0", scenario::Mesh::none), profile("P1"), profile("P2"), profile("P3"), profile("P4")};
  for (const char* name : {"P1", "P2", "P3", "P4"}) {
    Cell cell;
    cell.scenario = "s";
    cell.case_id = "c";
    cell.profile = cell.pod = name;
    cell.control = plan.controls.size();
    plan.cells.push_back(cell);
    Control control;
    control.id = std::string("control/") + name;
    if (cell.profile == "P4") control.from = "P2";
    plan.controls.push_back(control);
  }
  for (const char* name : {"P2+a", "P2+b"}) {
    plan.extra_probes.push_back({"P2", name, {}, scenario::PodTemplate{}});
    Cell cell = plan.cells[1];
    cell.pod = name;
    cell.case_id = name;
    plan.cells.push_back(cell);
  }
  plan.extra_probes.push_back({"P3", "P3@1337:1000", {}, std::nullopt});
  plan.cells.push_back(plan.cells[2]);
  plan.cells.back().pod = "P3@1337:1000";
  plan.skips = {{"s", "other", "", "needs: nothing"}};
  return plan;
}

// Profiles with cells, in order.
std::vector<std::string> with_cells(const Plan& plan) {
  std::set<std::string> names;
  for (const Cell& cell : plan.cells) names.insert(cell.profile);
  return {names.begin(), names.end()};
}

std::vector<std::vector<std::string>> split(const Plan& plan, std::size_t most) {
  std::vector<std::vector<std::string>> told;
  for (const Plan& part : in_parts(plan, most)) told.push_back(with_cells(part));
  return told;
}

TEST(PlanParts, HoldAsManyPodsAsTheyMayOrOneProfileThatHasMore) {
  const Plan plan = sample();
  using Names = std::vector<std::string>;
  EXPECT_THAT(split(plan, 0), ElementsAre(Names{"P1", "P2", "P3", "P4"}));
  EXPECT_THAT(split(plan, 6), ElementsAre(Names{"P1", "P2", "P3", "P4"}));
  EXPECT_THAT(split(plan, 5), ElementsAre(Names{"P1", "P2", "P3"}, Names{"P4"}));
  EXPECT_THAT(split(plan, 3), ElementsAre(Names{"P1", "P3", "P4"}, Names{"P2"})) << "the first with room";
  EXPECT_THAT(split(plan, 1), ElementsAre(Names{"P1"}, Names{"P2"}, Names{"P3"}, Names{"P4"}));
  EXPECT_TRUE(in_parts({}, 3).empty());
}

TEST(PlanParts, AGatewayIsAPodToo) {
  Plan plan = sample();
  plan.profiles[1].gateway = "egress-p1";
  using Names = std::vector<std::string>;
  EXPECT_THAT(split(plan, 6), ElementsAre(Names{"P1", "P2", "P3"}, Names{"P4"}));
}

TEST(PlanParts, EachHasWhatItsCellsNeedAndNothingElse) {
  const auto parts = in_parts(sample(), 3);
  ASSERT_EQ(parts.size(), 2U);
  std::size_t cells = 0;
  for (const Plan& part : parts) {
    cells += part.cells.size();
    for (const Cell& cell : part.cells)
      EXPECT_EQ(part.controls.at(cell.control).id, "control/" + cell.profile) << cell.case_id;
    EXPECT_TRUE(part.skips.empty()) << "those are the whole plan's";
    EXPECT_EQ(part.profiles.front().name, "P0") << "the vantage";
  }
  EXPECT_EQ(cells, sample().cells.size());
  const auto has = [](const Plan& part, const std::string& name) {
    return std::any_of(part.profiles.begin(), part.profiles.end(), [&](const auto& one) { return one.name == name; });
  };
  EXPECT_TRUE(has(parts[0], "P2")) << "it sends the control of P4";
  EXPECT_FALSE(has(parts[1], "P3"));
  ASSERT_EQ(parts[0].extra_probes.size(), 1U);
  EXPECT_EQ(parts[0].extra_probes[0].name, "P3@1337:1000");
  EXPECT_EQ(parts[1].extra_probes.size(), 2U);
}

TEST(PlanParts, ProfilesOfOneNamespaceStayTogether) {
  Plan plan = sample();
  plan.profiles[4].ns = plan.profiles[1].ns;  // P4 and P1
  using Names = std::vector<std::string>;
  EXPECT_THAT(split(plan, 2), ElementsAre(Names{"P1", "P4"}, Names{"P2"}, Names{"P3"}));
}

}  // namespace
}  // namespace egressproof::plan
