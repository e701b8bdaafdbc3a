#include "runner/plan/parts.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "runner/plan/needed.h"

namespace egressproof::plan {
namespace {

template <class List, class Drop>
void drop_if(List& list, Drop drop) {
  list.erase(std::remove_if(list.begin(), list.end(), drop), list.end());
}

void drop_unused_controls(Plan& plan) {
  std::map<std::size_t, std::size_t> moved;  // old index -> new
  std::vector<Control> controls;
  for (Cell& cell : plan.cells) {
    const auto [place, added] = moved.try_emplace(cell.control, controls.size());
    if (added) controls.push_back(plan.controls[cell.control]);
    cell.control = place->second;
  }
  plan.controls = std::move(controls);
}

// Profiles that cannot be told apart by where they are.
struct Unit {
  std::set<std::string> profiles;
  std::size_t pods = 0;
};

std::vector<Unit> units_of(const Plan& plan) {
  std::set<std::string> with_cells;
  for (const Cell& cell : plan.cells) with_cells.insert(cell.profile);
  std::vector<Unit> units;
  std::map<std::string, std::size_t> by_namespace;
  for (const scenario::Profile& profile : plan.profiles) {
    if (with_cells.count(profile.name) == 0) continue;
    const std::string key = profile.ns.empty() ? " " + profile.name : profile.ns;
    const auto [place, added] = by_namespace.try_emplace(key, units.size());
    if (added) units.emplace_back();
    Unit& unit = units[place->second];
    unit.profiles.insert(profile.name);
    unit.pods += profile.gateway.empty() ? 1 : 2;
    unit.pods += static_cast<std::size_t>(std::count_if(
        plan.extra_probes.begin(), plan.extra_probes.end(),
        [&](const ExtraProbe& probe) { return probe.profile == profile.name && probe.pod && !probe.pod->ephemeral; }));
  }
  return units;
}

}  // namespace

void leave(Plan& plan, const std::function<bool(const Cell&)>& fits) {
  drop_if(plan.cells, [&](const Cell& cell) { return !fits(cell); });
  drop_unused_controls(plan);
  std::set<std::string> pods;
  for (const Cell& cell : plan.cells) pods.insert(cell.pod);
  drop_if(plan.extra_probes, [&](const ExtraProbe& probe) { return pods.count(probe.name) == 0; });
  const std::vector<scenario::Profile> all = plan.profiles;
  drop_if(plan.profiles, [&](const scenario::Profile& profile) { return !is_needed(plan, all, profile); });
}

std::vector<Plan> in_parts(const Plan& plan, std::size_t most_pods) {
  std::vector<Unit> parts;
  for (Unit& unit : units_of(plan)) {
    const auto room = std::find_if(parts.begin(), parts.end(), [&](const Unit& part) {
      return most_pods == 0 || part.pods + unit.pods <= most_pods;
    });
    if (room == parts.end()) {
      parts.push_back(std::move(unit));
    } else {
      room->pods += unit.pods;
      room->profiles.merge(unit.profiles);
    }
  }
  std::vector<Plan> plans;
  for (const Unit& part : parts) {
    plans.push_back(plan);
    plans.back().skips.clear();
    if (parts.size() > 1) leave(plans.back(), [&](const Cell& cell) { return part.profiles.count(cell.profile) != 0; });
  }
  return plans;
}

}  // namespace egressproof::plan
