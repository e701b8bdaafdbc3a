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

// Files and folders; folders are walked for *.yaml and *.yml in byte order, folders named "policies" left out.
// Together they must hold exactly one kind Fixtures, exactly one kind Profiles and at least one kind Scenario.
Loaded load(const std::vector<std::string>& paths);

// With source line, caret and hint:
//   scenarios/spoof.yaml:14:9: error: unknown key 'exepct' in case 'wildcard'
//      14 |     exepct: denied
//         |     ^ did you mean 'expect'?
std::string render(const Diagnostic& diagnostic);

}  // namespace egressproof::scenario
