#include "runner/cli/case_blocks.h"

#include <algorithm>

#include "runner/cli/wire.h"

namespace egressproof::cli {

std::vector<Block> blocks_of(const plan::Plan& plan, const std::string& scenario, const std::string& row) {
  std::vector<Block> blocks;
  for (const plan::Cell& cell : plan.cells) {
    if (cell.scenario != scenario || cell.case_id != row) continue;
    auto wire = wire_lines(cell.attempt);
    if (cell.fetched)
      wire.insert(wire.begin(), "sent by " +
                                    std::string(cell.pod == plan::istiod_end ? "istiod" : "the proxy's agent") +
                                    " because a policy names the URL, and by no probe");
    auto same = std::find_if(blocks.begin(), blocks.end(), [&](const Block& block) { return block.wire == wire; });
    if (same == blocks.end()) same = blocks.insert(blocks.end(), Block{wire, {}});
    same->cells.push_back(&cell);
  }
  return blocks;
}

const scenario::Profile& profile_of(const scenario::Suite& suite, const std::string& name) {
  return *std::find_if(suite.profiles.begin(), suite.profiles.end(),
                       [&](const scenario::Profile& one) { return one.name == name; });
}

}  // namespace egressproof::cli
