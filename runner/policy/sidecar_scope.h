// The harness's own hosts in the sight of a Sidecar resource. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "runner/scenario/scenario.h"

namespace egressproof::policy {

// The hosts of the harness's own ServiceEntries (canaries, markers): only by them it is seen that a policy is in force.
inline constexpr const char* harness_hosts = "./*.egressproof.invalid";

// The text of a Sidecar in which egress.hosts of the listener without a port has `harness_hosts` too, unless "./*" or
// "*/*" stands there; nothing else changes. Objects of other kinds, and Sidecars without egress, as they are. Error
// kind scenario: every listener has a port, or `hosts` is no list of texts.
Result<std::string> with_harness_hosts(const scenario::PolicyObject& object);

}  // namespace egressproof::policy
