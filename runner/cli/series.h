// Several runs of the same, compared cell by cell. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/cli/narrowing.h"

namespace egressproof::cli {

// A cell whose verdict or status was not the same in all runs that judged it.
struct Flaky {
  CellName cell;
  std::map<std::string, int> seen;  // "DENY (pass)" -> in how many runs
};

class Series {
 public:
  void add(const report::Report& report);

  [[nodiscard]] int runs() const { return static_cast<int>(codes_.size()); }
  [[nodiscard]] std::vector<Flaky> flaky() const;  // by cell
  // Of all runs together: the first that was interrupted, aborted or ran nothing gives its own code, then 1 if any had
  // a mismatch, then 4 if any was inconclusive or a cell is flaky, else 0.
  [[nodiscard]] int exit_code() const;

 private:
  std::vector<int> codes_;
  std::map<CellName, std::map<std::string, int>> seen_;
};

// One line each: "basic/deny-raw [P3]  DENY (pass) 4 times, LEAK (fail) once".
std::string to_string(const Flaky& flaky);

}  // namespace egressproof::cli
