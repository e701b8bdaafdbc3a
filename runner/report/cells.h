// The cells of a report: each row of the evidence with its finding.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "runner/report/report.h"

namespace egressproof::report {

struct CellView {
  const evidence::Row* row = nullptr;
  const verdict::Finding* finding = nullptr;
};

// In evidence order; what has lost its other half gets an empty one with status error, so that it cannot vanish.
// Borrows from the report.
struct Cells {
  std::vector<CellView> list;
  std::deque<evidence::Row> made_rows;
  std::deque<verdict::Finding> made_findings;
};
Cells cells_of(const Report& report);

// "spoof/host-spoof-other-ip [P4]", printable.
std::string cell_name(const verdict::Finding& finding);

// Known leaks of one case that arrived at the same fixtures, and the profiles in which they did.
struct KnownLeaks {
  const verdict::Finding* first = nullptr;  // of them; borrowed from the cells
  std::vector<std::string> profiles;
};
std::vector<KnownLeaks> known_leaks_of(const Cells& cells);  // in evidence order

// nullptr: not known.
const CaseText* case_text(const Report& report, const std::string& scenario, const std::string& id);

}  // namespace egressproof::report
