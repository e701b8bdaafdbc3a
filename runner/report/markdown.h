// The report as GitHub-flavoured Markdown, for the summary page of a CI job.
#pragma once

#include <iosfwd>

#include "runner/report/report.h"

namespace egressproof::report {

// Outcome and totals, everything that does not pass with its witnesses, known leaks, then the matrix. Texts are shown
// as they are: nothing of them acts as markup, link or mention. At most 40 cells a status are told with witnesses.
void write_markdown(const Report& report, std::ostream& out);

}  // namespace egressproof::report
