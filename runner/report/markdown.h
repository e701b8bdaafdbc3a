// The report as GitHub-flavoured Markdown, for the summary page of a CI job.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "runner/report/report.h"

namespace egressproof::report {

// One line of text, for any place in Markdown, inside HTML elements too: nothing of it acts.
std::string md(std::string_view text);

// Outcome and totals, everything that does not pass with its witnesses, known leaks, then the matrix. Texts are shown
// as they are: nothing of them acts as markup, link or mention. At most 40 cells a status are told with witnesses.
void write_markdown(const Report& report, std::ostream& out);

}  // namespace egressproof::report
