#include "runner/policy/manifests.h"

#include <gtest/gtest.h>

#include "runner/scenario/yaml_tree.h"

namespace egressproof::policy {
namespace {

using scenario::PolicyObject;
using scenario::Profile;

PolicyObject object(const std::string& kind, const std::string& name, const std::string& yaml, int line = 1) {
  const std::string api = kind == "Namespace" ? "v1" : "networking.istio.io/v1";
  return {api, kind, name, "", yaml, {"policies/p.yaml", line, 1}};
}

Profile profile(const std::string& name, std::vector<PolicyObject> objects) {
  Profile made;
  made.name = name;
  made.ns = "tenant-" + name;
  made.policies = std::move(objects);
  return made;
}

std::string text_of(const std::vector<Profile>& profiles) {
  const auto text = manifests(profiles);
  return text ? *text : "error: " + text.error().message;
}

TEST(Manifests, PutTheProfilesNamespaceWhereNoneIsWritten) {
  EXPECT_EQ(text_of({profile(
                "p", {object("Sidecar", "default", "kind: Sidecar\nmetadata:\n  # the name\n  name: default\n")})}),
            "---\nkind: Sidecar\nmetadata:\n  # the name\n  namespace: \"tenant-p\"\n  name: default\n");
  EXPECT_EQ(text_of({profile("p", {object("Sidecar", "default",
                                          "metadata: { name: default }\nspec: {port: \"8443\", on: 'yes'}")})}),
            "---\nmetadata: { \"namespace\": \"tenant-p\", name: default }\nspec: {port: \"8443\", on: 'yes'}\n")
      << "quotes, and with them types, stay";
  EXPECT_EQ(text_of({profile("p", {object("Sidecar", "s", R"({"kind": "Sidecar", "metadata": {"name": "s"}})")})}),
            "---\n{\"kind\": \"Sidecar\", \"metadata\": {\"namespace\": \"tenant-p\", \"name\": \"s\"}}\n");
  EXPECT_EQ(text_of({profile("p", {object("Sidecar", "s", "--- # why\nmetadata:\n    name: s\n    namespace: ''\n")})}),
            "--- # why\nmetadata:\n    name: s\n    namespace: \"tenant-p\"\n");
}

TEST(Manifests, LeaveWrittenNamespacesAndClusterScopedKindsAlone) {
  PolicyObject elsewhere = object("Sidecar", "s", "metadata: {name: s, namespace: shared}\n");
  elsewhere.ns = "shared";
  EXPECT_EQ(text_of({profile(
                "p", {elsewhere, object("Namespace", "shared", "kind: Namespace\nmetadata: {name: shared}\n")})}),
            "---\nmetadata: {name: s, namespace: shared}\n---\nkind: Namespace\nmetadata: {name: shared}\n");
  EXPECT_EQ(text_of({}), "");
}

TEST(Manifests, OneFileInTwoProfilesIsTwoObjects) {
  const PolicyObject one = object("Sidecar", "s", "metadata: {name: s}\n");
  const std::string text = text_of({profile("a", {one}), profile("b", {one})});
  EXPECT_EQ(
      text,
      "---\nmetadata: {\"namespace\": \"tenant-a\", name: s}\n---\nmetadata: {\"namespace\": \"tenant-b\", name: s}\n");
  EXPECT_EQ(scenario::parse_yaml("f", text).documents.size(), 2U);
}

TEST(Manifests, ProfilesOfOneNamespaceApplyOneFileOnce) {
  const PolicyObject one = object("Sidecar", "s", "metadata: {name: s}\n");
  Profile a = profile("a", {one});
  Profile b = profile("b", {one});
  a.ns = b.ns = "both";
  EXPECT_EQ(text_of({a, b}), "---\nmetadata: {\"namespace\": \"both\", name: s}\n");
  b.policies[0].at.line = 9;
  EXPECT_FALSE(manifests({a, b})) << "two objects of one name";
}

TEST(Manifests, TheSameObjectTwiceIsAnErrorWithBothPlaces) {
  PolicyObject second = object("Sidecar", "s", "metadata: {name: s}\n", 20);
  second.api_version = "networking.istio.io/v1beta1";  // another version of the same object
  const auto text = manifests({profile("a", {object("Sidecar", "s", "metadata: {name: s}\n"), second})});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::scenario);
  EXPECT_EQ(text.error().message,
            "policies/p.yaml:20:1: Sidecar 's' is applied twice to namespace 'tenant-a'; the first is at "
            "policies/p.yaml:1:1");
  second.api_version = "other.example/v1";
  EXPECT_TRUE(manifests({profile("a", {object("Sidecar", "s", "metadata: {name: s}\n"), second})})) << "another group";
}

TEST(Manifests, MetadataThatCannotBeEditedIsAnError) {
  const auto text = manifests({profile("a", {object("Sidecar", "s", "metadata:\n  ? name\n  : s\n")})});
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message.find("policies/p.yaml:1:1: cannot put a namespace"), std::string::npos);
  EXPECT_FALSE(manifests({profile("a", {object("Sidecar", "s", "metadata: [")})}));
}

bool denies(const std::string& spec, const std::string& kind = "Sidecar") {
  return default_deny(profile("p", {object(kind, "s", "metadata: {name: s}\n" + spec)}));
}

TEST(Manifests, AChangeTakesAwayAndAdds) {
  const auto entry = [](const std::string& name) {
    return object("ServiceEntry", name, "metadata: {name: " + name + "}\n");
  };
  Profile changing = profile("p", {entry("a"), entry("b")});
  changing.revoked = {entry("a")};
  changing.added = {entry("c")};
  const auto changed = changed_manifests({changing, profile("q", {entry("a")})});
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(*changed,
            "---\nmetadata: {\"namespace\": \"tenant-p\", name: b}\n"
            "---\nmetadata: {\"namespace\": \"tenant-p\", name: c}\n"
            "---\nmetadata: {\"namespace\": \"tenant-q\", name: a}\n");
  EXPECT_EQ(text_of({changing}),
            "---\nmetadata: {\"namespace\": \"tenant-p\", name: a}\n---\nmetadata: {\"namespace\": \"tenant-p\", "
            "name: b}\n")
      << "before the change nothing of it shows";
}

TEST(DefaultDeny, IsARegistryOnlySidecarForTheWholeNamespace) {
  EXPECT_TRUE(denies("spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n"));
  EXPECT_TRUE(denies("spec: {outboundTrafficPolicy: {}}\n")) << "REGISTRY_ONLY is the API's zero value";
  EXPECT_TRUE(denies("spec: {workloadSelector: {labels: {}}, outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n"));
  EXPECT_FALSE(denies("spec: {outboundTrafficPolicy: {mode: ALLOW_ANY}}\n"));
  EXPECT_FALSE(denies("spec: {egress: [{hosts: [\"./*\"]}]}\n")) << "the mesh's own mode then holds";
  EXPECT_FALSE(denies("spec: {workloadSelector: {labels: {app: a}}, outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n"));
  EXPECT_FALSE(denies("spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n", "ServiceEntry"));
  EXPECT_FALSE(denies(""));
  EXPECT_FALSE(default_deny(profile("p", {})));
}

TEST(DefaultDeny, ASidecarThatSelectsTheWorkloadGoesBeforeTheDefault) {
  const PolicyObject closed = object("Sidecar", "default", "spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n");
  const PolicyObject open = object(
      "Sidecar", "open", "spec: {workloadSelector: {labels: {egress: b}}, outboundTrafficPolicy: {mode: ALLOW_ANY}}\n");
  Profile one = profile("p", {closed, open});
  one.workload = "ksvc-b";
  one.service_labels = {{"egress", "b"}};
  EXPECT_TRUE(default_deny(one)) << "labels of the Service object are on no pod";
  one.labels = {{"egress", "b"}};
  EXPECT_FALSE(default_deny(one));
  one.policies = {open, closed};
  EXPECT_FALSE(default_deny(one)) << "whatever their order";
  one.policies = {object("Sidecar", "s",
                         "spec: {workloadSelector: {labels: {serving.knative.dev/service: ksvc-b}}, "
                         "outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n")};
  EXPECT_TRUE(default_deny(one)) << "Knative's own label";
}

TEST(DefaultDeny, ThatIsOverriddenDeniesNothing) {
  const PolicyObject closed =
      object("Sidecar", "default", "metadata: {name: default}\nspec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n");
  const PolicyObject open =
      object("Sidecar", "a", "metadata: {name: a}\nspec: {outboundTrafficPolicy: {mode: ALLOW_ANY}}\n");
  Profile one = profile("p", {closed, open});
  EXPECT_TRUE(default_deny(one)) << "which of the two is obeyed is not for the manifests to say";
  one.default_deny_overridden = true;
  EXPECT_FALSE(default_deny(one));
  EXPECT_TRUE(manifests({one}));
  one.policies = {open};
  const auto nothing_to_override = manifests({one});
  ASSERT_FALSE(nothing_to_override);
  EXPECT_NE(nothing_to_override.error().message.find("profile 'p' says that its default deny is overridden, but no"),
            std::string::npos);
  one.policies = {closed};
  one.policies[0].ns = "elsewhere";
  EXPECT_FALSE(manifests({one})) << "another namespace's";
}

TEST(NetworkPolicies, ThatAreSaidToBeOverriddenMustBeThere) {
  const PolicyObject policy{"networking.k8s.io/v1",
                            "NetworkPolicy",
                            "by-the-tenant",
                            "",
                            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: by-the-tenant}\n"
                            "spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}\n",
                            {"policies/p.yaml", 1, 1}};
  Profile one = profile("p", {policy});
  one.network_policy_overridden = true;
  EXPECT_TRUE(manifests({one}));
  one.policies = {object("Sidecar", "s", "metadata: {name: s}\nspec: {}\n")};
  const auto none = manifests({one});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("profile 'p' says that its NetworkPolicy is overridden, but none"),
            std::string::npos);
}

TEST(DefaultDeny, IsTheProfilesOwnAndNeedsAProxy) {
  Profile one = profile("p", {object("Sidecar", "s", "spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n")});
  one.policies[0].ns = "elsewhere";
  EXPECT_FALSE(default_deny(one));
  one.policies[0].ns = "tenant-p";
  EXPECT_TRUE(default_deny(one));
  one.mesh = scenario::Mesh::none;
  EXPECT_FALSE(default_deny(one));
}

}  // namespace
}  // namespace egressproof::policy
