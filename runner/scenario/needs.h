// What a case may need of a backend (docs/scenario-format.md says what each is).
#pragma once

#include <string>
#include <vector>

#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

extern const std::vector<std::string> known_needs;

bool has_need(const Case& one, const std::string& need);
// What a world must have to hold the object beside Istio's own kinds: "network-policy", "kubernetes" (a Service, an
// EndpointSlice), or empty.
std::string policy_need(const PolicyObject& object);

void add_need(Case& one, const std::string& need);  // unless it has it

}  // namespace egressproof::scenario
