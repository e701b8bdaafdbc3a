// Rows and columns of the matrix, the same in every form that shows one.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "runner/report/cells.h"
#include "runner/report/marks.h"

namespace egressproof::report {

// The rows of one scenario: cases, and variants of cases.
struct Group {
  ScenarioText scenario;
  std::vector<std::string> cases;
};

struct Grid {
  std::vector<Group> groups;
  std::vector<std::string> profiles;
  std::map<std::tuple<std::string, std::string, std::string>, Mark> marks;  // scenario, case, profile
};

// Rows in the report's order, then cells and skips that it does not name. Groups without a row are left out.
Grid grid_of(const Report& report, const Cells& cells);
// empty_mark() where nothing ran.
Mark mark_at(const Grid& grid, const std::string& scenario, const std::string& id, const std::string& profile);
// For a legend: one of each kind that stands in the grid, by rank.
std::vector<Mark> used_marks(const Grid& grid);
// A skip names a case without its variant; none: all of the scenario. The scenario is not looked at.
bool covers(const plan::Skip& skip, const std::string& id);

}  // namespace egressproof::report
