// The report as one HTML file that needs nothing else: no network, no other file.
#pragma once

#include <iosfwd>

#include "runner/report/report.h"

namespace egressproof::report {

// The data stand in the page as JSON that cannot end its element; the page's script, which its content security policy
// names by hash, puts them in as text nodes only.
void write_html(const Report& report, std::ostream& out);

}  // namespace egressproof::report
