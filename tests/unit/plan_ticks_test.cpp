// Long-lived attempts have probes of their own, also for their controls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plan_sample.h"

namespace egressproof::plan {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

Result<Plan> long_lived() {
  scenario::AttemptSpec spec = to(probe::Protocol::http1, "allow.test:80");
  spec.ticks = {milliseconds(50), milliseconds(4000), milliseconds(300)};
  return make_all(suite_of({sample_case("revoke", spec, scenario::Expect::deny, {"P3"})}));
}

TEST(PlanTicks, AreSentByAProbeOfTheirOwn) {
  const auto plan = long_lived();
  ASSERT_TRUE(plan) << error_of(plan);
  const Cell& cell = plan->cells.at(0);
  EXPECT_EQ(cell.pod, "P3@1000:1000");
  EXPECT_EQ(cell.via, "P3");
  EXPECT_EQ(cell.cut_within, milliseconds(300));
  ASSERT_TRUE(cell.attempt.ticks);
  EXPECT_EQ(cell.attempt.ticks->every, milliseconds(50));
  EXPECT_EQ(cell.attempt.ticks->lasting, milliseconds(4000));
  std::vector<std::string> probes;
  for (const ExtraProbe& one : plan->extra_probes) probes.push_back(one.profile + " " + one.name);
  EXPECT_THAT(probes, ElementsAre("P3 P3@1000:1000", "P0 P0@1000:1000"));
}

TEST(PlanTicks, ACellSaysFromWhenItMustBeCut) {
  EXPECT_EQ(long_lived()->cells.at(0).cut_from, scenario::CutFrom::in_force);
  scenario::AttemptSpec spec = to(probe::Protocol::http1, "allow.test:80");
  spec.ticks = {milliseconds(50), milliseconds(4000), milliseconds(1), scenario::CutFrom::applied};
  const auto plan = make_all(suite_of({sample_case("revoke", spec, scenario::Expect::leak, {"P3"})}));
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_EQ(plan->cells.at(0).cut_from, scenario::CutFrom::applied);
}

TEST(PlanTicks, TheControlIsShortBeforeAndOpenBeside) {
  const auto plan = long_lived();
  ASSERT_TRUE(plan) << error_of(plan);
  const Control& control = plan->controls.at(0);
  EXPECT_EQ(control.beside, "P0@1000:1000");
  EXPECT_EQ(control.before.ticks->lasting, milliseconds(75)) << "two ticks";
  EXPECT_EQ(control.after.ticks->lasting, milliseconds(4000));
}

TEST(PlanTicks, OthersAreSentAsEver) {
  const auto plan = make_all(
      suite_of({sample_case("plain", to(probe::Protocol::http1, "allow.test:80"), scenario::Expect::allow, {"P3"})}));
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_EQ(plan->cells.at(0).cut_within.count(), 0);
  EXPECT_EQ(plan->cells.at(0).pod, "P3");
  EXPECT_EQ(plan->controls.at(0).beside, "");
  EXPECT_TRUE(plan->extra_probes.empty());
}

TEST(PlanTicks, RecordsMoveWhereACaseNeedsIt) {
  scenario::Case one =
      sample_case("plain", to(probe::Protocol::http1, "allow.test:80"), scenario::Expect::allow, {"P3"});
  EXPECT_FALSE(make_all(suite_of({one}))->moves_records);
  one.needs = {"record-changes"};
  EXPECT_FALSE(make_all(suite_of({one}))->moves_records) << "the lab of this test cannot";
  EXPECT_TRUE(make(suite_of({one}), {}, {"lab", {"record-changes"}}, "seed")->moves_records);
}

TEST(PlanFetches, AreTheMeshsOwn) {
  scenario::Case one = sample_case("jwks", to(probe::Protocol::http1, "deny.test:80"), scenario::Expect::leak, {"P3"});
  one.attempt.path = "/jwks.json";
  one.fetched_by = scenario::Fetcher::istiod;
  scenario::Suite suite = suite_of({one});
  suite.profiles[1].gateway = "egress";
  auto plan = make_all(suite);
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_TRUE(plan->cells.at(0).fetched);
  EXPECT_EQ(plan->cells.at(0).pod, istiod_end);
  EXPECT_EQ(plan->cells.at(0).via, istiod_end) << "not the gateway";
  EXPECT_EQ(plan->cells.at(0).target.fixture, "deny");
  EXPECT_EQ(plan->controls.at(0).before.path, "/jwks.json");
  suite.scenarios[0].cases[0].fetched_by = scenario::Fetcher::proxy;
  plan = make_all(suite);
  EXPECT_EQ(plan->cells.at(0).via, "P3");
}

}  // namespace
}  // namespace egressproof::plan
