// NetworkPolicy objects are for the network plugin; the mesh's control plane never gets them. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runner/policy/network_policy.h"
#include "runner/scenario/scenario.h"

namespace egressproof::policy {

struct SplitManifests {
  std::string others;                           // the other documents, as they were
  std::vector<NetworkPolicy> network_policies;  // in order
};

// `manifests`: multi-document YAML with namespaces set. Error kind scenario: not YAML, or a NetworkPolicy that
// parse_network_policy() refuses.
Result<SplitManifests> split_network_policies(const std::string& manifests);

// Of networking.k8s.io, in any version: parse_network_policy() then refuses those that it does not know.
bool is_network_policy(const scenario::PolicyObject& object);

// Those of the profile's own namespace, which isolate its workload for egress if they select it. Error as above, with
// the place in the policy file.
Result<std::vector<NetworkPolicy>> network_policies(const scenario::Profile& profile);

// Whether one of the profile's own NetworkPolicies is for egress: its network must then stop what no policy allows,
// from past the sidecar too. Which pods they select does not matter: a selector without a pod is a mistake that must
// show. A policy that cannot be read counts as one.
bool isolates_egress(const scenario::Profile& profile);

}  // namespace egressproof::policy
