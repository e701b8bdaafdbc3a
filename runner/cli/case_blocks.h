// What one row of the matrix sends, profile by profile. Pure.
#pragma once

#include <string>
#include <vector>

#include "runner/plan/plan.h"
#include "runner/scenario/scenario.h"

namespace egressproof::cli {

// Profiles that send the same, in one block. Borrows the plan's cells.
struct Block {
  std::vector<std::string> wire;  // wire_lines()
  std::vector<const plan::Cell*> cells;
};

// Cells of one row in plan order.
std::vector<Block> blocks_of(const plan::Plan& plan, const std::string& scenario, const std::string& row);

const scenario::Profile& profile_of(const scenario::Suite& suite, const std::string& name);  // which the suite has

}  // namespace egressproof::cli
