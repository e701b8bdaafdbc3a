// What Kubernetes objects say of their own readiness. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace egressproof::backend::cluster {

// One line each for what is not ready: "deployment istio-system/istiod: 0 of 1 available". `list`: kind List of Nodes,
// Deployments, DaemonSets, Pods or CustomResourceDefinitions; other kinds count as ready. Finished pods (Succeeded)
// are ready.
std::vector<std::string> not_ready(const Json& list);

// Those of `names` that no item of `list` has.
std::vector<std::string> absent(const Json& list, const std::vector<std::string>& names);

// A member by its path ("status/phase"); null where there is none.
const Json& member(const Json& object, const std::string& path);
std::string text_of(const Json& object, const std::string& path);

// "a, b and 3 more"
std::string shortened(const std::vector<std::string>& lines, std::size_t most);

}  // namespace egressproof::backend::cluster
