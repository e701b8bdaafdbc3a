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

TEST(PlanPods, ARowOfAPodOfItsOwnIsSentFromThereInEachProfile) {
  scenario::Case one = sample_case("exclude", dial(probe::Protocol::http1, "deny:80"), Expect::leak, {"P3", "P5n"});
  one.variants = {{"ports", {}}, {"rest", {}}};
  one.pods["ports"].annotations["traffic.sidecar.istio.io/excludeOutboundPorts"] = "80";
  scenario::Suite suite = sample_suite();
  suite.profiles[3].gateway = "egress";
  suite.scenarios[0].cases = {one};
  const auto plan = make(suite, {}, {"kind", {}}, "seed");
  ASSERT_TRUE(plan) << to_string(plan.error());
  std::vector<std::string> told;
  for (const Cell& cell : plan->cells) told.push_back(cell.profile + " by " + cell.pod + " via " + cell.via);
  EXPECT_THAT(told,
              testing::UnorderedElementsAre("P3 by P3+exclude.ports via P3+exclude.ports", "P3 by P3 via P3",
                                            "P5n by P5n+exclude.ports via P5n.gateway", "P5n by P5n via P5n.gateway"));
  ASSERT_EQ(plan->extra_probes.size(), 2U);
  ASSERT_TRUE(plan->extra_probes[0].pod);
  EXPECT_EQ(plan->extra_probes[0].pod->annotations.size(), 1U);
  EXPECT_EQ(plan->extra_probes[0].identity.uid, 1000);
}

TEST(PlanPods, VariantsShareAPodInWhichNothingIsDoneBefore) {
  scenario::Case one = sample_case("six", dial(probe::Protocol::http1, "deny:80"), Expect::deny, {"P3"});
  one.variants = {{"a", {}}, {"b", {}}};
  one.pods[""].ipv6 = true;
  const auto pods = [&] {
    scenario::Suite suite = sample_suite();
    suite.scenarios[0].cases = {one};
    const auto plan = make(suite, {}, {"lab", {}}, "seed");
    std::vector<std::string> told;
    if (plan)
      for (const ExtraProbe& probe : plan->extra_probes) told.push_back(probe.name);
    return told;
  };
  EXPECT_THAT(pods(), testing::ElementsAre("P3+six"));
  one.pods[""].first = {scenario::PodAct::stop_proxy};
  EXPECT_THAT(pods(), testing::ElementsAre("P3+six.a", "P3+six.b"));
  one.pods[""].first.clear();
  one.pods[""].from_zero = true;
  EXPECT_THAT(pods(), testing::ElementsAre("P3+six.a", "P3+six.b"));
}

TEST(PlanMutualTls, LeadsWhereTheOuterNameSaysAndIsNoPartOfTheControl) {
  scenario::Suite suite = sample_suite();
  scenario::AttemptSpec spec = dial(probe::Protocol::tls, "deny:443");
  spec.sni = "deny.test";
  spec.outer = probe::OuterTls{"{allowed}"};
  suite.scenarios[0].cases = {sample_case("inner", spec, Expect::reroute, {"P3"})};
  const auto plan = make(suite, {}, {"lab", {}}, "seed");
  ASSERT_TRUE(plan) << to_string(plan.error());
  ASSERT_EQ(plan->cells.size(), 1U);
  ASSERT_TRUE(plan->cells[0].attempt.outer);
  EXPECT_EQ(plan->cells[0].attempt.outer->sni, "allow.test");
  EXPECT_EQ(plan->cells[0].rerouted_to, "allow");
  EXPECT_FALSE(plan->controls[0].before.outer);
}

TEST(PlanPods, AWorldWithoutKubernetesSkipsProfilesWithItsServices) {
  scenario::Suite suite = sample_suite();
  suite.profiles[1].policies.push_back({"discovery.k8s.io/v1", "EndpointSlice", "slice", "", "", {}});
  suite.scenarios[0].cases = {sample_case("a", dial(probe::Protocol::http1, "deny:80"), Expect::deny, {"P0", "P3"})};
  const auto without = make(suite, {}, {"lab", {}}, "seed");
  ASSERT_TRUE(without);
  ASSERT_EQ(without->skips.size(), 1U);
  EXPECT_EQ(without->skips[0].profile, "P3");
  EXPECT_EQ(without->skips[0].reason, "needs: kubernetes (the lab cannot do this)");
  EXPECT_EQ(without->cells.size(), 1U);
  EXPECT_EQ(make(suite, {}, {"kind", {"kubernetes"}}, "seed")->cells.size(), 2U);
}

TEST(PlanPods, AWorldWithoutNetworkPolicySkipsProfilesThatHaveOne) {
  scenario::Suite suite = sample_suite();
  suite.profiles[1].policies.push_back({"networking.k8s.io/v1", "NetworkPolicy", "deny", "", "", {}});
  suite.scenarios[0].cases = {sample_case("a", dial(probe::Protocol::http1, "deny:80"), Expect::deny, {"P0", "P3"}),
                              sample_case("b", dial(probe::Protocol::http1, "deny:80"), Expect::deny, {"P3"})};
  const auto without = make(suite, {}, {"kind", {}}, "seed");
  ASSERT_TRUE(without);
  EXPECT_EQ(without->cells.size(), 1U);
  ASSERT_EQ(without->skips.size(), 1U);
  EXPECT_EQ(without->skips[0].profile, "P3");
  EXPECT_EQ(without->skips[0].scenario, "spoof");
  EXPECT_EQ(without->skips[0].reason, "needs: network-policy (the kind cannot do this)");
  EXPECT_EQ(make(suite, {}, {"kind", {}, {{"network-policy", "deny-all did not block"}}}, "seed")->skips[0].reason,
            "needs: network-policy (deny-all did not block)");
  EXPECT_EQ(make(suite, {}, {"lab", {"network-policy"}}, "seed")->cells.size(), 3U);
}

}  // namespace
}  // namespace egressproof::plan
