#include "runner/report/outcome.h"

#include "runner/report/explain.h"
#include "runner/report/names.h"

namespace egressproof::report {

Outcome outcome_of(const Report& report) {
  if (!report.aborted.empty()) return {"RUN ABORTED: " + report.aborted, Tone::bad};
  switch (report.exit_code) {
    case 0:
      return {"every cell that ran matched", Tone::good};
    case 1:
      return {"MISMATCH", Tone::bad};
    case 4:
      return {"INCONCLUSIVE: not every cell has a verdict, or the evidence of the run is incomplete", Tone::unsure};
    case 5:
      return {"NOTHING RAN", Tone::bad};
    default:
      return {"the run did not end well", Tone::bad};
  }
}

std::string totals_text(const Report& report) {
  int cells = 0;
  std::vector<std::string> parts;
  const auto counts = totals(report);
  for (const auto status : all_statuses) {
    const int count = counts.at(to_string(status));
    cells += count;
    if (count > 0) parts.push_back(std::to_string(count) + " " + to_string(status));
  }
  if (!report.skips.empty()) parts.push_back(std::to_string(report.skips.size()) + " skipped");
  return std::to_string(cells) + (cells == 1 ? " cell" : " cells") + (parts.empty() ? "" : ": ") + joined(parts, ", ");
}

}  // namespace egressproof::report
