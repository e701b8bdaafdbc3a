#include "runner/cli/series.h"

#include <algorithm>

#include "runner/run/exit_code.h"

namespace egressproof::cli {

void Series::add(const report::Report& report) {
  codes_.push_back(report.exit_code);
  for (const verdict::Finding& finding : report.judged.findings)
    ++seen_[{finding.scenario, finding.case_id, finding.profile}]
           [to_string(finding.verdict) + " (" + to_string(finding.status) + ")"];
}

std::vector<Flaky> Series::flaky() const {
  std::vector<Flaky> found;
  for (const auto& [cell, seen] : seen_)
    if (seen.size() > 1) found.push_back({cell, seen});
  return found;
}

int Series::exit_code() const {
  const auto has = [&](int code) { return std::count(codes_.begin(), codes_.end(), code) != 0; };
  for (const int code : codes_)
    if (code != run::exit_matched && code != run::exit_mismatch && code != run::exit_inconclusive) return code;
  if (has(run::exit_mismatch)) return run::exit_mismatch;
  return has(run::exit_inconclusive) || !flaky().empty() ? run::exit_inconclusive : run::exit_matched;
}

std::string to_string(const Flaky& flaky) {
  std::string text;
  for (const auto& [verdict, times] : flaky.seen)
    text += (text.empty() ? "" : ", ") + verdict + (times == 1 ? " once" : " " + std::to_string(times) + " times");
  return to_string(flaky.cell) + "  " + text;
}

}  // namespace egressproof::cli
