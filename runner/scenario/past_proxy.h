// Denials with two layers: the sidecar and NetworkPolicy. That the network denies too shows only past the sidecar.
// Pure.
#pragma once

#include <string>

#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

// A process that the sidecar does not capture: it has the sidecar's own uid.
inline constexpr Identity past_proxy_identity{1337, 1000};

// Adds to each scenario, after each case that is denied in a profile with a NetworkPolicy, the case "past-proxy.CASE":
// the same attempts, in those cells, from such a process. They are denied too, and only by NetworkPolicy does it count.
// Left out: cases that say who sends, DNS queries (no sidecar sees them anyway), and what goes to the gateway itself,
// which NetworkPolicy allows.
void add_past_proxy(Suite& suite);

// Of one that was added; `case_id` may have a variant.
bool is_past_proxy(const std::string& case_id);

}  // namespace egressproof::scenario
