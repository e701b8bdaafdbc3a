#include "runner/report/grid.h"

#include <algorithm>

namespace egressproof::report {
namespace {

template <class Value, class Same>
bool missing(const std::vector<Value>& list, Same same) {
  return std::none_of(list.begin(), list.end(), same);
}

void add_case(Grid& grid, const std::string& scenario, const std::string& id) {
  auto group = std::find_if(grid.groups.begin(), grid.groups.end(),
                            [&](const Group& one) { return one.scenario.name == scenario; });
  if (group == grid.groups.end()) group = grid.groups.insert(grid.groups.end(), Group{{scenario, "", ""}, {}});
  if (missing(group->cases, [&](const std::string& one) { return one == id; })) group->cases.push_back(id);
}

void add_profile(Grid& grid, const std::string& name) {
  if (missing(grid.profiles, [&](const std::string& one) { return one == name; })) grid.profiles.push_back(name);
}

void add_skips(Grid& grid, const Report& report) {
  for (const auto& skip : report.skips)
    for (const auto& group : grid.groups)
      for (const auto& id : group.cases)
        for (const auto& profile : grid.profiles)
          if (skip.scenario == group.scenario.name && covers(skip, id) &&
              (skip.profile.empty() || skip.profile == profile))
            grid.marks.emplace(std::tuple{skip.scenario, id, profile}, skipped_mark());
}

}  // namespace

bool covers(const plan::Skip& skip, const std::string& id) {
  return skip.case_id.empty() || skip.case_id == id || id.rfind(skip.case_id + ".", 0) == 0;
}

Grid grid_of(const Report& report, const Cells& cells) {
  Grid grid;
  for (const auto& scenario : report.scenarios) grid.groups.push_back({scenario, {}});
  for (const auto& text : report.cases) add_case(grid, text.scenario, text.id);
  grid.profiles = report.profiles;
  for (const auto& [row, finding] : cells.list) {
    add_case(grid, finding->scenario, finding->case_id);
    add_profile(grid, finding->profile);
    grid.marks.insert_or_assign(std::tuple{finding->scenario, finding->case_id, finding->profile}, mark_of(*finding));
  }
  for (const auto& skip : report.skips) {
    const bool shown = std::any_of(grid.groups.begin(), grid.groups.end(), [&](const Group& one) {
      return one.scenario.name == skip.scenario &&
             !missing(one.cases, [&](const std::string& id) { return covers(skip, id); });
    });
    if (!shown && !skip.case_id.empty()) add_case(grid, skip.scenario, skip.case_id);
    if (!skip.profile.empty()) add_profile(grid, skip.profile);
  }
  add_skips(grid, report);
  grid.groups.erase(
      std::remove_if(grid.groups.begin(), grid.groups.end(), [](const Group& one) { return one.cases.empty(); }),
      grid.groups.end());
  return grid;
}

Mark mark_at(const Grid& grid, const std::string& scenario, const std::string& id, const std::string& profile) {
  const auto found = grid.marks.find({scenario, id, profile});
  return found == grid.marks.end() ? empty_mark() : found->second;
}

std::vector<Mark> used_marks(const Grid& grid) {
  std::map<int, Mark> used;
  for (const auto& group : grid.groups)
    for (const auto& id : group.cases)
      for (const auto& profile : grid.profiles) {
        const Mark mark = mark_at(grid, group.scenario.name, id, profile);
        used.emplace(mark.rank, mark);
      }
  std::vector<Mark> marks;
  marks.reserve(used.size());
  for (const auto& [rank, mark] : used) marks.push_back(mark);
  return marks;
}

}  // namespace egressproof::report
