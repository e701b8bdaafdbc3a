// The JSON report back into a Report, for whatever works on finished runs.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "runner/report/report.h"

namespace egressproof::report {

// Strict: unknown and missing keys, wrong types, unknown words and totals that are not those of the cells are refused.
// Error kind usage, naming the place: "cells[3].probe.observed: unknown code 'foo'". to_json(from_json(x)) == x for
// every x that to_json wrote. Not restored, for no form of a report needs it: plan::Cell::control.
Result<Report> from_json(const Json& json);

}  // namespace egressproof::report
