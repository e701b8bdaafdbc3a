// The report's numbers in the OpenMetrics text format, for a textfile collector. Also valid in the older Prometheus
// text format: no families of kinds that it does not know.
#pragma once

#include <iosfwd>

#include "runner/report/report.h"

namespace egressproof::report {

void write_openmetrics(const Report& report, std::ostream& out);

}  // namespace egressproof::report
