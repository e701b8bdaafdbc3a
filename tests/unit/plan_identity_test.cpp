#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plan_sample.h"

namespace egressproof::plan {
namespace {

using scenario::Expect;

TEST(PlanIdentity, CellsOfAnIdentityAreSentByAProbeOfTheirOwnOnePerPod) {
  scenario::Case ordinary = sample_case("ordinary", dial(probe::Protocol::http1, "deny:80"), Expect::deny, {"P3"});
  scenario::Case first = sample_case("first", dial(probe::Protocol::http1, "deny:80"), Expect::leak, {"P0", "P3"});
  first.identity = {1337, 1000};
  scenario::Case second = sample_case("second", dial(probe::Protocol::http1, "sink:80"), Expect::leak, {"P3"});
  second.identity = {1337, 1000};
  scenario::Suite suite = sample_suite();
  suite.scenarios[0].cases = {ordinary, first, second};
  const auto plan = make(suite, {}, {"lab", {}}, "seed");
  ASSERT_TRUE(plan) << to_string(plan.error());
  std::vector<std::string> pods;
  for (const Cell& cell : plan->cells) pods.push_back(cell.profile + " by " + cell.pod);
  EXPECT_THAT(pods, testing::ElementsAre("P3 by P3", "P0 by P0@1337:1000", "P3 by P3@1337:1000", "P3 by P3@1337:1000"));
  ASSERT_EQ(plan->extra_probes.size(), 2U);
  EXPECT_EQ(plan->extra_probes[1].name, "P3@1337:1000");
  EXPECT_EQ(plan->extra_probes[1].profile, "P3");
  EXPECT_EQ(plan->extra_probes[1].identity.uid, 1337);
  EXPECT_EQ(plan->extra_probes[1].identity.gid, 1000);
}

}  // namespace
}  // namespace egressproof::plan
