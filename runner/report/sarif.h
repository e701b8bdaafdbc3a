// Findings as SARIF 2.1.0, for code scanning: each at the policy that it is about.
#pragma once

#include "base/json.h"
#include "runner/report/report.h"

namespace egressproof::report {

// One rule a case, named "scenario/case". Results: mismatches and news as errors, known leaks as warnings, other than
// written down as notes; passes give none. Inconclusive cells and errors of the harness are no findings in a policy:
// they are notifications of the invocation.
Json to_sarif(const Report& report);

}  // namespace egressproof::report
