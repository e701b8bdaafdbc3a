// Who gets which manifest, and which profiles are isolated.
#include "runner/policy/network_policy_split.h"

#include <gtest/gtest.h>

namespace egressproof::policy {
namespace {

constexpr const char* sidecar =
    "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: a}\nspec: {}\n";

std::string network_policy(const std::string& name, const std::string& spec) {
  return "# what it guarantees\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name +
         ", namespace: a}\nspec: " + spec + "\n";
}

TEST(SplitNetworkPolicies, TheControlPlaneGetsTheOthersAsTheyWere) {
  const std::string generation = std::string("---\n") + sidecar + "---\n" + network_policy("one", "{podSelector: {}}") +
                                 "---\n" + network_policy("two", "{podSelector: {}, policyTypes: [Egress]}") + "---\n" +
                                 sidecar;
  const auto split = split_network_policies(generation);
  ASSERT_TRUE(split) << to_string(split.error());
  EXPECT_EQ(split->others.find("NetworkPolicy"), std::string::npos);
  const std::size_t first = split->others.find(sidecar);
  ASSERT_NE(first, std::string::npos);
  EXPECT_NE(split->others.find(sidecar, first + 1), std::string::npos);
  ASSERT_EQ(split->network_policies.size(), 2U);
  EXPECT_EQ(split->network_policies[0].name, "one");
  EXPECT_EQ(split->network_policies[1].ns, "a");
  EXPECT_TRUE(split->network_policies[1].egress);
  EXPECT_TRUE(split_network_policies("")->network_policies.empty());
}

TEST(SplitNetworkPolicies, AKindOfAnotherGroupIsNotOurs) {
  const auto split = split_network_policies(
      "apiVersion: crd.projectcalico.org/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: a}\n");
  ASSERT_TRUE(split);
  EXPECT_TRUE(split->network_policies.empty());
  EXPECT_NE(split->others.find("projectcalico"), std::string::npos);
}

TEST(SplitNetworkPolicies, AMistakeIsTold) {
  const auto split = split_network_policies(network_policy("one", "{podSelectr: {}}"));
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().kind, ErrorKind::scenario);
  EXPECT_NE(split.error().message.find("podSelectr"), std::string::npos);
}

scenario::Profile profile(const std::string& ns, const std::string& spec) {
  scenario::Profile made;
  made.ns = "tenant";
  made.policies.push_back({"networking.k8s.io/v1",
                           "NetworkPolicy",
                           "one",
                           ns,
                           "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: one" +
                               (ns.empty() ? "" : ", namespace: " + ns) + "}\nspec: " + spec + "\n",
                           {}});
  return made;
}

TEST(IsolatesEgress, OnlyByAPolicyOfItsOwnForEgress) {
  EXPECT_TRUE(isolates_egress(profile("", "{podSelector: {}, policyTypes: [Egress]}")));
  EXPECT_TRUE(isolates_egress(profile("tenant", "{podSelector: {}, egress: [{ports: [{port: 53}]}]}")));
  EXPECT_TRUE(isolates_egress(profile("", "{podSelector: {matchLabels: {app: tpyo}}, policyTypes: [Egress]}")))
      << "that it selects nothing must show";
  EXPECT_TRUE(isolates_egress(profile("", "{nonsense: 1}")));
  EXPECT_FALSE(isolates_egress(profile("", "{podSelector: {}}"))) << "for ingress alone";
  EXPECT_FALSE(isolates_egress(profile("egress-gw", "{podSelector: {}, policyTypes: [Egress]}")));
  EXPECT_FALSE(isolates_egress({}));
}

TEST(IsolatesEgress, OfWorkloadsThatShareANamespaceOnlyThoseThatItSelects) {
  scenario::Profile one = profile("", "{podSelector: {matchLabels: {egress: b}}, policyTypes: [Egress]}");
  one.workload = "ksvc-a";
  EXPECT_FALSE(isolates_egress(one));
  one.service_labels = {{"egress", "b"}};
  EXPECT_FALSE(isolates_egress(one)) << "labels of the Service object are on no pod";
  one.labels = {{"egress", "b"}};
  EXPECT_TRUE(isolates_egress(one));
}

}  // namespace
}  // namespace egressproof::policy
