// Which denials are tried a second time, past the sidecar.
#include "runner/scenario/past_proxy.h"

#include <gtest/gtest.h>

namespace egressproof::scenario {
namespace {

Expectation cell(Expect expect) { return {expect, Stance::enforced, {}}; }

Case one(const std::string& id, Expect expect) {
  Case made;
  made.id = id;
  made.attempt.protocol = probe::Protocol::http1;
  made.attempt.to = "deny.test:80";
  made.tags = {"bypass"};
  made.expectations = {{"P2", cell(Expect::deny)}, {"P7", cell(expect)}};
  return made;
}

Suite suite_of(std::vector<Case> cases) {
  Suite suite;
  Profile sidecar_alone;
  sidecar_alone.name = "P2";
  Profile both;
  both.name = "P7";
  both.ns = "tenant-p7";
  both.policies.push_back({"networking.k8s.io/v1", "NetworkPolicy", "only-gateway", "", "", {}});
  suite.profiles = {sidecar_alone, both};
  Scenario scenario;
  scenario.cases = std::move(cases);
  suite.scenarios = {scenario};
  return suite;
}

std::vector<Case> added(std::vector<Case> cases) {
  Suite suite = suite_of(std::move(cases));
  add_past_proxy(suite);
  std::vector<Case> found;
  for (const Case& each : suite.scenarios[0].cases)
    if (is_past_proxy(each.id)) found.push_back(each);
  return found;
}

TEST(PastProxy, EachDenialWithANetworkPolicyAndNothingElse) {
  const auto found = added({one("denied", Expect::deny), one("allowed", Expect::allow), one("leak", Expect::leak)});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "past-proxy.denied");
  EXPECT_EQ(found[0].identity->uid, 1337);
  ASSERT_EQ(found[0].expectations.size(), 1U);
  EXPECT_EQ(found[0].expectations.begin()->first, "P7");
  EXPECT_EQ(found[0].expectations.begin()->second.expect, Expect::deny);
  EXPECT_EQ(found[0].tags, std::vector<std::string>{"past-proxy"});
  EXPECT_FALSE(is_past_proxy("denied"));
}

TEST(PastProxy, WaitsShortlyWhileItsControlSendsWhatTheCaseSends) {
  const auto found = added({one("denied", Expect::deny)});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].attempt.connect_limit, std::chrono::milliseconds(500));
  EXPECT_EQ(found[0].control->connect_limit, probe::StageLimits().connect);
}

TEST(PastProxy, VariantsByTheirOwnRows) {
  Case varied = one("varied", Expect::allow);
  varied.variants = {{"a", {}}, {"b", {}}, {"query", {}}};
  varied.variants[2].attempt.protocol = probe::Protocol::dns;
  varied.variant_expectations["b"] = varied.variant_expectations["query"] = {{"P7", cell(Expect::deny)}};
  const auto found = added({varied});
  ASSERT_EQ(found.size(), 1U);
  ASSERT_EQ(found[0].variants.size(), 1U);
  EXPECT_EQ(found[0].variants[0].name, "b");
  EXPECT_EQ(found[0].variant_expectations.at("b").size(), 1U);
  EXPECT_TRUE(found[0].expectations.empty());
}

TEST(PastProxy, NotWhereTheCaseSaysWhoSendsOrWhatNetworkPolicyAllows) {
  Case identity = one("identity", Expect::deny);
  identity.identity = Identity{0, 0};
  Case query = one("query", Expect::deny);
  query.attempt.protocol = probe::Protocol::dns;
  Case gateway = one("gateway", Expect::deny);
  gateway.attempt.to = "{gateway}:443";
  Case loopback = one("loopback", Expect::deny);
  loopback.attempt.to.reset();
  loopback.attempt.dial = "127.0.0.1:15001";
  EXPECT_TRUE(added({identity, query, gateway, loopback}).empty());
  Suite suite = suite_of({one("denied", Expect::deny)});
  suite.profiles[1].mesh = Mesh::none;
  add_past_proxy(suite);
  EXPECT_EQ(suite.scenarios[0].cases.size(), 1U) << "without a sidecar there is one layer";
}

}  // namespace
}  // namespace egressproof::scenario
