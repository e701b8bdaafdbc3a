// How a run ended, in a few words.
#pragma once

#include <string>

#include "runner/report/marks.h"
#include "runner/report/report.h"

namespace egressproof::report {

struct Outcome {
  std::string text;  // "every cell that ran matched", "RUN ABORTED: ..."; as it came, not yet printable
  Tone tone = Tone::bad;
};
Outcome outcome_of(const Report& report);

// "609 cells: 517 pass, 89 known-leak, 3 recorded, 88 skipped".
std::string totals_text(const Report& report);

}  // namespace egressproof::report
