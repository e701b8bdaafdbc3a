// From a cell back to the case it came from.
#pragma once

#include <string>

#include "runner/scenario/scenario.h"

namespace egressproof::run {

struct FoundCase {
  const scenario::Scenario* scenario = nullptr;
  const scenario::Case* found = nullptr;       // nullptr: there is none
  const scenario::Variant* variant = nullptr;  // nullptr: the case has no variants
};

// `case_id` as in plan::Cell: "lookalike-names.prefix" for a variant. Case names may hold dots themselves.
FoundCase find_case(const scenario::Suite& suite, const std::string& scenario, const std::string& case_id);

}  // namespace egressproof::run
