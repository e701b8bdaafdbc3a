// Which cells a selection picks. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runner/plan/plan.h"
#include "runner/scenario/scenario.h"

namespace egressproof::plan {

// One row of the matrix: a case, or a variant of it.
struct RowName {
  std::string scenario;
  std::string case_id;
  std::string variant;  // empty: the case has none
};
std::string row_id(const RowName& row);  // "lookalike-names.prefix"

class Picker {
 public:
  // Borrows the selection. Error kind usage: a name or glob that fits nothing in the suite, with the nearest name.
  static Result<Picker> create(const scenario::Suite& suite, const Selection& selection);

  [[nodiscard]] bool picks(const RowName& row, const scenario::Case& one) const;
  [[nodiscard]] bool picks(const scenario::Profile& profile) const;

 private:
  explicit Picker(const Selection& selection) : selection_(selection) {}
  const Selection& selection_;
};

}  // namespace egressproof::plan
