// Files to Suite. Strict: unknown or duplicate keys, merge keys, wrong types and dangling references are errors with
// file:line:column and the nearest key; every error of every file is collected.
#pragma once

#include <string>
#include <vector>

#include "base/location.h"
#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

struct Loaded {
  Suite suite;  // meaningful only without diagnostics
  std::vector<Diagnostic> diagnostics;
};

// Never throws. Diagnostics stand in the order of reading, then by place; those of policy files come last.
// Files and folders; folders are walked for *.yaml and *.yml in byte order, folders named "policies" left out.
// Together they must hold exactly one kind Fixtures, exactly one kind Profiles and at least one kind Scenario.
Loaded load(const std::vector<std::string>& paths);

// Ends with a newline. The source line is read from the file as it is now; without it (or without a place) the line
// and caret are left out. Control characters of the file never reach the terminal.
//   scenarios/spoof.yaml:14:5: error: unknown key 'exepct'
//      14 |     exepct: denied
//         |     ^ did you mean 'expect'?
//         in case 'wildcard' (scenarios/spoof.yaml:12:3)
std::string render(const Diagnostic& diagnostic);

}  // namespace egressproof::scenario
