// A shell in the pod of one cell, with its policies in force.
#pragma once

#include "base/result.h"
#include "runner/cli/carry_out.h"

namespace egressproof::cli {

// Error kind usage: standard input or output is no terminal.
Result<void> can_open_shell();

// Brings a world up with what the cells of the plan need, shows the command that sends the first cell's attempt, and
// leaves the user in bash as that attempt's user, in the pod's namespaces. When the shell ends, shows what the targets
// received and what the proxies logged meanwhile, and takes the world down. Error kind environment: no world, or pods
// that are not on this machine.
Result<void> open_shell(const scenario::Suite& suite, const RunOptions& options, const std::string& seed,
                        const Narrowing& narrowing);

}  // namespace egressproof::cli
