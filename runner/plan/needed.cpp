#include "runner/plan/needed.h"

#include <algorithm>

namespace egressproof::plan {

bool is_needed(const Plan& plan, const std::vector<scenario::Profile>& all, const scenario::Profile& profile) {
  const auto shares = [&](const std::string& name) {
    return name == profile.name || std::any_of(all.begin(), all.end(), [&](const auto& one) {
             return one.name == name && one.ns == profile.ns && !one.ns.empty();
           });
  };
  return profile.vantage ||
         std::any_of(plan.cells.begin(), plan.cells.end(),
                     [&](const Cell& cell) { return shares(cell.profile) || shares(cell.inbound); }) ||
         std::any_of(plan.controls.begin(), plan.controls.end(),
                     [&](const Control& control) { return shares(control.from); });
}

std::string sender_of(const Control& control) { return control.from.empty() ? "the vantage" : control.from; }

}  // namespace egressproof::plan
