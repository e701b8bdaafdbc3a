// A plan in parts, each small enough for a world. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "runner/plan/plan.h"

namespace egressproof::plan {

// Leaves the cells that fit, with the controls, profiles and extra probes that belong to them. Skips stay.
void leave(Plan& plan, const std::function<bool(const Cell&)>& fits);

// In order, without skips; each cell is in one of them, those of profiles that share a namespace in the same one, since
// policies are about all of these. `most_pods` counts a pod for each profile, for its gateway and for each pod of a
// case's own; what is more than that by itself is a part of its own. Vantages and whoever else a part needs come on
// top. 0: one part.
std::vector<Plan> in_parts(const Plan& plan, std::size_t most_pods);

}  // namespace egressproof::plan
