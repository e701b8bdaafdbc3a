// Profiles as workloads of one namespace.
#include "runner/scenario/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

constexpr const char* profiles_file = R"(apiVersion: egressproof/v1
kind: Profiles
profiles:
  - {name: P0, title: no mesh, mesh: none, vantage: true}
  - name: Ka
    title: one
    namespace: both
    workload: ksvc-a
    service-account: account-a
    labels: {egress: a}
    gateway: egress
    policies: &shared [policies/registry-only.yaml]
  - {name: Kb, title: two, namespace: both, workload: ksvc-b, service-labels: {egress: a}, gateway: egress, policies: *shared}
)";

constexpr const char* scenario_file = R"(apiVersion: egressproof/v1
kind: Scenario
name: one
title: one
requirement: one
profiles: [P0]
reach:
  protocol: http/1.1
  reference: https://istio.io
  expect:
    allow.test:80: [A]
)";

Suite two_workloads() {
  const testing::Folder folder;
  folder.copy(testing::data / "valid");
  std::filesystem::remove_all(folder.path() / "rows");
  folder.write("profiles.yaml", profiles_file);
  folder.write("one.yaml", scenario_file);
  Loaded loaded = folder.load();
  EXPECT_EQ(folder.messages(loaded), "");
  return std::move(loaded.suite);
}

TEST(Workloads, MayShareANamespaceItsPoliciesAndItsGateway) {
  const Suite suite = two_workloads();
  ASSERT_EQ(suite.profiles.size(), 3U);
  const Profile& one = suite.profiles[1];
  const Profile& two = suite.profiles[2];
  EXPECT_EQ(one.ns, two.ns);
  EXPECT_EQ(one.service_account, "account-a");
  EXPECT_EQ(two.service_account, "default");
  EXPECT_EQ(gateway_owner(suite.profiles, two).name, "Ka");
  EXPECT_EQ(gateway_owner(suite.profiles, one).name, "Ka");
  EXPECT_EQ(gateway_owner({two}, two).name, "Kb") << "nobody else is there";
}

TEST(Workloads, TheTemplatesLabelsAreThePodsAndTheServicesAreNot) {
  const Suite suite = two_workloads();
  const auto one = pod_labels(suite.profiles[1]);
  EXPECT_THAT(one, Contains(Pair("egress", "a")));
  EXPECT_THAT(one, Contains(Pair("serving.knative.dev/service", "ksvc-a")));
  const auto two = pod_labels(suite.profiles[2]);
  EXPECT_THAT(two, Not(Contains(Key("egress"))));
  EXPECT_THAT(two, Contains(Pair("serving.knative.dev/service", "ksvc-b")));
  EXPECT_EQ(pod_labels(suite.profiles[0]),
            (std::map<std::string, std::string>{{"app", "probe"}, {"service.istio.io/canonical-name", "probe"}}));
}

}  // namespace
}  // namespace egressproof::scenario
