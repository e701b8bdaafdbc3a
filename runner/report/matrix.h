// The allow/deny matrix as text.
#pragma once

#include <iosfwd>

#include "runner/report/cells.h"

namespace egressproof::report {

// Rows are cases, grouped by scenario; columns are profiles, in blocks where they do not fit into options.width. Then
// the profiles' titles and the legend of the marks that were used.
void write_matrix(const Report& report, const Cells& cells, const TextOptions& options, std::ostream& out);

}  // namespace egressproof::report
