#include "runner/run/add_part.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace egressproof::run {

void add_part(report::Report& report, report::Report part) {
  evidence::Evidence& all = report.evidence;
  const bool first = all.rows.empty();
  const auto world = static_cast<int>(all.policies.size());
  for (evidence::Row& row : part.evidence.rows) row.world = world;
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  // One that did not get as far as its probes says nothing of what the others received.
  if (first || !part.evidence.rows.empty()) {
    all.receipts_complete = part.evidence.receipts_complete && (first || all.receipts_complete);
    all.records_readable = part.evidence.records_readable && (first || all.records_readable);
  }
  append(all.rows, part.evidence.rows);
  append(all.policies, part.evidence.policies);
  append(all.errors, part.evidence.errors);
  append(report.judged.findings, part.judged.findings);
  for (const auto& [fixture, count] : part.evidence.unattributed) all.unattributed[fixture] += count;
  report.versions.merge(part.versions);
  for (const auto& [phase, seconds] : part.seconds) report.seconds[phase] += seconds;
  report.aborted = std::move(part.aborted);
  report.exit_code = part.exit_code;
}

void order_rows(report::Report& report, const plan::Plan& plan) {
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> place;
  for (const plan::Cell& cell : plan.cells)
    place.try_emplace({cell.scenario, cell.case_id, cell.profile}, place.size());
  std::vector<std::size_t> order(report.evidence.rows.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto place_of = [&](std::size_t row) {
    const plan::Cell& cell = report.evidence.rows[row].cell;
    return place.at({cell.scenario, cell.case_id, cell.profile});
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t one, std::size_t other) { return place_of(one) < place_of(other); });
  std::vector<evidence::Row> rows;
  std::vector<verdict::Finding> findings;
  for (const std::size_t from : order) {
    rows.push_back(std::move(report.evidence.rows[from]));
    findings.push_back(std::move(report.judged.findings[from]));
  }
  report.evidence.rows = std::move(rows);
  report.judged.findings = std::move(findings);
}

}  // namespace egressproof::run
