// References and sense of one case's attempts, in each profile that the case is about.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/scenario/attempt_reader.h"
#include "runner/scenario/kinds.h"
#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

struct VariantPlace {
  std::string name;  // empty: the case itself
  Location at;
  WrittenAttempt attempt;  // overlay
  std::map<std::string, Expectation> cells;
};

struct WrittenCase {
  Location attempt_at;
  WrittenAttempt attempt;
  std::vector<VariantPlace> variants;  // the case itself, if it has none
  std::optional<WrittenAttempt> control;
  Location control_at;
  std::string target;
  Location target_at;
  PlacedText target_host;
};

void check_case(Problems& problems, const Suite& suite, const WrittenCase& written);

}  // namespace egressproof::scenario
