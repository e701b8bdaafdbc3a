// Whose pods a plan needs. Pure.
#pragma once

#include <string>
#include <vector>

#include "runner/plan/plan.h"

namespace egressproof::plan {

// The vantage; who sends a cell or a control, or has a target in its pod; and who shares the namespace of one of these:
// policies are about all of them. `all`: where to look those up.
bool is_needed(const Plan& plan, const std::vector<scenario::Profile>& all, const scenario::Profile& profile);

// "the vantage", or the profile that sends it.
std::string sender_of(const Control& control);

}  // namespace egressproof::plan
