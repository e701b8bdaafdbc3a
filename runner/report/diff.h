// Two runs compared, cell by cell. Pure.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/report/cells.h"

namespace egressproof::report {

// In the order in which they are told.
enum class Change {
  regressed,          // worse than before; what leaks and did not before is always that
  newly_skipped,      // ran before, skipped now with a reason
  gone,               // ran before, is not there now
  fixed,              // did not pass, or leaked, before; now there is a verdict that is better
  fresh,              // was not there before ("new"); counts as worse if it neither passes nor is documented
  changed,            // verdict, status or expectation differ, neither better nor proven worse
  changed_mechanism,  // same verdict by another layer or mechanism, in another stage, or at other fixtures
};
std::string to_string(Change change);  // "regressed", "newly skipped", "new", "changed mechanism", ...

// A difference that is known and has a reason; data of the user.
struct KnownDifference {
  std::string case_name;              // "scenario/case"; glob as with fnmatch
  std::string profile;                // glob
  std::vector<std::string> backends;  // both runs' backends are among these; empty: any
  std::string reason;
  std::string reference;
  Location at;
};

struct Difference {
  Change change = Change::changed;
  std::string scenario, case_id, profile;
  CellView before, after;  // nullptr where there is none; borrowed from Comparison's cells
  std::string skip;        // newly_skipped: why
  bool worse = false;
  const KnownDifference* explained = nullptr;
};

struct Comparison {
  const Report* a = nullptr;
  const Report* b = nullptr;
  Cells cells_a, cells_b;
  std::vector<Difference> differences;  // by Change, then in the order of B's cells, then A's
  int same = 0;                         // cells without a difference
  std::vector<std::string> run_level;   // worse in B as a whole: aborted, receipts lost, nothing ran
  std::vector<const KnownDifference*> unused;

  Comparison() = default;
  Comparison(Comparison&&) = default;  // moves keep what is borrowed in place, copies would not
  Comparison& operator=(Comparison&&) = default;
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;
  ~Comparison() = default;
};

struct DiffOptions {
  std::vector<KnownDifference> known;
  bool selection = false;  // B ran a part of A on purpose: what is gone or skipped is told, but is not worse
};

// Borrows both reports and the options' known differences.
Comparison compare(const Report& a, const Report& b, const DiffOptions& options);

// Something got worse and is not explained.
bool worse(const Comparison& comparison);

void write_diff(const Comparison& comparison, std::size_t width, std::ostream& out);
Json diff_json(const Comparison& comparison);

// YAML: a list of {case, profile, backends, reason, reference}; `case`, `profile` and `reason` are required. Strict.
// Errors: kind usage, each mistake with its place.
Result<std::vector<KnownDifference>> known_differences(const std::string& file, const std::string& text);

}  // namespace egressproof::report
