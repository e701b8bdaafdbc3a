#include "runner/policy/sidecar_scope.h"

#include <gtest/gtest.h>

#include "runner/policy/manifests.h"

namespace egressproof::policy {
namespace {

scenario::PolicyObject sidecar(const std::string& yaml) {
  return {"networking.istio.io/v1", "Sidecar", "default", "", yaml, {"policies/p.yaml", 1, 1}};
}

std::string scoped(const std::string& yaml) {
  const auto text = with_harness_hosts(sidecar(yaml));
  return text ? *text : "error: " + text.error().message;
}

TEST(SidecarScope, HasTheHarnesssHostsWhereItsOwnAreNarrower) {
  EXPECT_EQ(scoped("spec:\n  egress:\n    - hosts: [\"./allow.test\"]\n"),
            "spec:\n  egress:\n    - hosts: [\"./*.egressproof.invalid\", \"./allow.test\"]\n");
  EXPECT_EQ(
      scoped("spec:\n  egress:\n  - hosts:\n    - ./allow.test\n    - istio-system/*\n"),
      "spec:\n  egress:\n  - hosts:\n    - \"./*.egressproof.invalid\"\n    - ./allow.test\n    - istio-system/*\n");
  EXPECT_EQ(scoped("{\"spec\": {\"egress\": [{\"hosts\": [\"istio-system/*\"]}]}}"),
            "{\"spec\": {\"egress\": [{\"hosts\": [\"./*.egressproof.invalid\", \"istio-system/*\"]}]}}");
}

TEST(SidecarScope, TakesThePlaceOfNothing) {
  EXPECT_EQ(scoped("spec: {egress: [{hosts: ['~/*']}]}\n"),
            "spec: {egress: [{hosts: [\"./*.egressproof.invalid\"]}]}\n");
  EXPECT_EQ(scoped("spec:\n  egress:\n    - hosts:\n        - ~/*\n"),
            "spec:\n  egress:\n    - hosts:\n        - \"./*.egressproof.invalid\"\n");
}

TEST(SidecarScope, StaysWhereTheHostsAreInSightAnyway) {
  for (const std::string yaml :
       {"spec: {egress: [{hosts: [\"./*\", \"istio-system/*\"]}]}\n", "spec: {egress: [{hosts: ['*/*']}]}\n",
        "spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n"})
    EXPECT_EQ(scoped(yaml), yaml);
  scenario::PolicyObject other = sidecar("spec: {egress: [{hosts: [a]}]}\n");
  other.kind = "ServiceEntry";
  EXPECT_EQ(with_harness_hosts(other).value(), other.yaml);
}

TEST(SidecarScope, ChangesTheListenerWithoutAPortAndSaysWhatIsMissingWithoutOne) {
  EXPECT_EQ(scoped("spec:\n  egress:\n    - port: {number: 443}\n      hosts: [./a.test]\n    - hosts: [./b.test]\n"),
            "spec:\n  egress:\n    - port: {number: 443}\n      hosts: [./a.test]\n    - hosts: "
            "[\"./*.egressproof.invalid\", ./b.test]\n");
  EXPECT_NE(scoped("spec: {egress: [{port: {number: 443}, hosts: [./a.test]}]}\n")
                .find("policies/p.yaml:1:1: Sidecar 'default' has no egress listener without a port"),
            std::string::npos);
  EXPECT_NE(scoped("spec: {egress: [{bind: 127.0.0.1}]}\n").find("without a list of hosts"), std::string::npos);
}

TEST(SidecarScope, IsPartOfWhatIsAppliedOnlyWhereItIsAskedFor) {
  scenario::Profile profile;
  profile.ns = "tenant";
  profile.policies = {sidecar("metadata: {name: default}\nspec: {egress: [{hosts: [./a.test]}]}\n")};
  EXPECT_EQ(manifests({profile}).value().find(harness_hosts), std::string::npos);
  EXPECT_NE(manifests({profile}, Scope::with_harness_hosts).value().find(harness_hosts), std::string::npos);
}

}  // namespace
}  // namespace egressproof::policy
