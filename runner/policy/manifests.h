// What the control plane gets. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runner/scenario/scenario.h"

namespace egressproof::policy {

// Multi-document YAML of all policy objects of `profiles`, in order; metadata.namespace is the profile's where the
// file says none, as with `kubectl apply -n`. Error kind scenario: two objects of one kind, namespace and name, both
// places; a profile whose default deny or NetworkPolicy is said to be overridden, and has none; and those of
// with_harness_hosts (sidecar_scope.h).
enum class Scope { as_written, with_harness_hosts };
Result<std::string> manifests(const std::vector<scenario::Profile>& profiles, Scope scope = Scope::as_written);

// The same after the change at the end of the run (Profile::revoked, Profile::added).
Result<std::string> changed_manifests(const std::vector<scenario::Profile>& profiles, Scope scope = Scope::as_written);

// Whether the profile's own manifests deny what no ServiceEntry lists: a Sidecar without workloadSelector whose
// outboundTrafficPolicy.mode is REGISTRY_ONLY (or absent mesh: never), and the profile does not say that it is
// overridden. Decides which way its canary must turn.
bool default_deny(const scenario::Profile& profile);

}  // namespace egressproof::policy
