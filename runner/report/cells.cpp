#include "runner/report/cells.h"

#include <algorithm>
#include <tuple>

#include "runner/report/names.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

using Key = std::tuple<std::string, std::string, std::string>;

Key key_of(const evidence::Row& row) { return {row.cell.scenario, row.cell.case_id, row.cell.profile}; }
Key key_of(const verdict::Finding& finding) { return {finding.scenario, finding.case_id, finding.profile}; }

verdict::Finding unjudged(const evidence::Row& row) {
  verdict::Finding finding;
  finding.scenario = row.cell.scenario;
  finding.case_id = row.cell.case_id;
  finding.profile = row.cell.profile;
  finding.expectation = row.cell.expectation;
  finding.because = "the run ended before this cell was judged";
  return finding;
}

// No pass without evidence.
verdict::Finding unproven(verdict::Finding finding) {
  finding.because = "judged " + to_string(finding.verdict) + ", but no evidence of it was kept";
  finding.verdict = verdict::Verdict::error;
  finding.status = verdict::Status::error;
  return finding;
}

evidence::Row without_evidence(const verdict::Finding& finding) {
  evidence::Row row;
  row.cell.scenario = finding.scenario;
  row.cell.case_id = finding.case_id;
  row.cell.profile = finding.profile;
  row.cell.expectation = finding.expectation;
  row.errors = {"no evidence was kept of this cell"};
  return row;
}

}  // namespace

Cells cells_of(const Report& report) {
  std::map<Key, const verdict::Finding*> findings;
  for (const auto& finding : report.judged.findings) findings.emplace(key_of(finding), &finding);
  Cells cells;
  for (const auto& row : report.evidence.rows) {
    const auto found = findings.find(key_of(row));
    if (found != findings.end()) {
      cells.list.push_back({&row, found->second});
      findings.erase(found);
    } else {
      cells.list.push_back({&row, &cells.made_findings.emplace_back(unjudged(row))});
    }
  }
  for (const auto& finding : report.judged.findings)
    if (const auto found = findings.find(key_of(finding)); found != findings.end() && found->second == &finding)
      cells.list.push_back({&cells.made_rows.emplace_back(without_evidence(finding)),
                            &cells.made_findings.emplace_back(unproven(finding))});
  return cells;
}

std::vector<KnownLeaks> known_leaks_of(const Cells& cells) {
  std::vector<KnownLeaks> groups;
  for (const auto& [row, finding] : cells.list) {
    if (finding->status != verdict::Status::known_leak) continue;
    const auto* one = finding;
    auto same = std::find_if(groups.begin(), groups.end(), [&](const KnownLeaks& group) {
      return group.first->scenario == one->scenario && group.first->case_id == one->case_id &&
             group.first->reached == one->reached;
    });
    if (same == groups.end()) same = groups.insert(groups.end(), {one, {}});
    same->profiles.push_back(one->profile);
  }
  return groups;
}

std::string cell_name(const verdict::Finding& finding) {
  return printable(finding.scenario + "/" + finding.case_id + " [" + finding.profile + "]");
}

const CaseText* case_text(const Report& report, const std::string& scenario, const std::string& id) {
  const auto found = std::find_if(report.cases.begin(), report.cases.end(),
                                  [&](const CaseText& one) { return one.scenario == scenario && one.id == id; });
  return found == report.cases.end() ? nullptr : &*found;
}

std::map<std::string, int> totals(const Report& report) {
  std::map<std::string, int> counts;
  for (const auto status : all_statuses) counts[to_string(status)] = 0;
  const Cells cells = cells_of(report);
  for (const CellView& cell : cells.list) ++counts[to_string(cell.finding->status)];
  return counts;
}

int exit_code(const Report& report) {
  using verdict::Status;
  if (!report.aborted.empty()) return 3;
  const Cells cells = cells_of(report);
  const auto any = [&](Status one, Status other) {
    return std::any_of(cells.list.begin(), cells.list.end(), [&](const CellView& cell) {
      return cell.finding->status == one || cell.finding->status == other;
    });
  };
  if (any(Status::fail, Status::news)) return 1;
  if (any(Status::inconclusive, Status::error)) return 4;
  if (cells.list.empty()) return 5;
  return report.evidence.receipts_complete && report.evidence.errors.empty() ? 0 : 4;
}

}  // namespace egressproof::report
