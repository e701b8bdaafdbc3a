// Reports of several worlds as one. Pure.
#pragma once

#include "runner/plan/plan.h"
#include "runner/report/report.h"

namespace egressproof::run {

// Adds what the next world of the run brought: `part` has its evidence, verdicts, versions and times, and why it ended
// early.
void add_part(report::Report& report, report::Report part);

// The rows as the plan has its cells, whatever order the worlds had.
void order_rows(report::Report& report, const plan::Plan& plan);

}  // namespace egressproof::run
