// The tables: one row of cells a case, one column a profile.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/scenario/reader.h"
#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

struct Row {
  std::string key;
  Location at;
  std::map<std::string, Expectation> cells;  // by profile; not applicable ones are left out
};

// `columns` may hold "" for a profile that was refused.
std::vector<Row> read_rows(Problems& problems, const Node& node, const std::string& what,
                           const std::vector<std::string>& columns);

}  // namespace egressproof::scenario
