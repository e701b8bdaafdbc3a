#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "runner/report/diff.h"
#include "runner/report/explain.h"
#include "runner/report/json_parts.h"
#include "runner/report/names.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

constexpr std::array all_changes = {
    Change::regressed, Change::newly_skipped,    Change::gone, Change::fixed, Change::fresh,
    Change::changed,   Change::changed_mechanism};

std::string run_text(const Report& report) {
  return report.run_id + ", backend " + report.backend + ", " + report.started_at + ", exit code " +
         std::to_string(report.exit_code);
}

// What the verdict says, and on what it stands: the witnesses in short. The whole evidence is in the JSON form.
std::string side_text(const CellView& cell) {
  const verdict::Finding& finding = *cell.finding;
  std::string text = to_string(finding.verdict) + " (" + to_string(finding.status) + "), expected " +
                     to_string(finding.expectation.expect) + " (" + to_string(finding.expectation.stance) + ")";
  if (!finding.stage.empty()) text += ", at stage " + finding.stage;
  if (finding.layer != verdict::Layer::none) text += ", by " + to_string(finding.layer);
  if (!finding.mechanism.empty()) text += ": " + finding.mechanism;
  text += ". " + finding.because;
  const evidence::Witnesses& seen = cell.row->probe;
  std::vector<std::string> witnesses;
  witnesses.push_back(seen.observed ? "client " + probe::to_string(seen.observed->code) + " in stage " +
                                          probe::to_string(seen.observed->reached)
                                    : "client told nothing");
  std::vector<std::string> receipts;
  for (const auto& one : seen.received)
    receipts.push_back("#" + std::to_string(one.number) + " at " + printable_bytes(one.fixture));
  witnesses.push_back(receipts.empty() ? "no receipt" : "receipts " + joined(receipts, " "));
  witnesses.push_back(seen.logged.empty() ? "nothing logged"
                                          : std::to_string(seen.logged.size()) + " in the mesh's log");
  return text + " [" + joined(witnesses, "; ") + "]";
}

void write_difference(const Difference& one, std::size_t width, std::ostream& out) {
  out << "\n  " << printable(one.scenario + "/" + one.case_id + " [" + one.profile + "]") << '\n';
  write_field("A", one.before.finding == nullptr ? "did not run" : side_text(one.before), width, out);
  std::string after = "did not run";
  if (one.after.finding != nullptr) after = side_text(one.after);
  if (one.change == Change::newly_skipped) after = "skipped: " + one.skip;
  write_field("B", after, width, out);
  if (one.explained != nullptr) {
    write_field("known", one.explained->reason, width, out);
    write_field("reference", one.explained->reference, width, out);
  } else if (one.after.finding != nullptr && one.worse) {
    write_field("repro", repro_line(*one.after.finding), width, out);
  }
}

std::vector<const Difference*> those(const Comparison& comparison, Change change, bool explained) {
  std::vector<const Difference*> list;
  for (const Difference& one : comparison.differences)
    if (one.change == change && (one.explained != nullptr) == explained) list.push_back(&one);
  return list;
}

void write_versions(const Report& a, const Report& b, std::size_t width, std::ostream& out) {
  auto all = a.versions;
  all.insert(b.versions.begin(), b.versions.end());
  all.emplace("egressproof", "");
  const auto version = [](const Report& report, const std::string& name) {
    const auto found = report.versions.find(name);
    if (found != report.versions.end()) return found->second;
    return name == "egressproof" ? report.tool_version : std::string("-");
  };
  for (const auto& [name, ignored] : all)
    if (version(a, name) != version(b, name))
      write_field("version", name + ": " + version(a, name) + " in A, " + version(b, name) + " in B", width, out);
}

Json run_json(const Report& report) {
  Json versions = Json::object();
  for (const auto& [name, version] : report.versions) versions[valid_utf8(name)] = valid_utf8(version);
  Json counts = Json::object();
  const auto all = totals(report);
  for (const auto status : all_statuses) counts[to_string(status)] = all.at(to_string(status));
  return {{"run_id", valid_utf8(report.run_id)},
          {"backend", valid_utf8(report.backend)},
          {"started_at", valid_utf8(report.started_at)},
          {"tool_version", valid_utf8(report.tool_version)},
          {"versions", std::move(versions)},
          {"exit_code", report.exit_code},
          {"aborted", valid_utf8(report.aborted)},
          {"totals", std::move(counts)}};
}

Json known_json(const KnownDifference* known) {
  if (known == nullptr) return nullptr;
  return {{"case", valid_utf8(known->case_name)},      {"profile", valid_utf8(known->profile)},
          {"backends", texts_json(known->backends)},   {"reason", valid_utf8(known->reason)},
          {"reference", valid_utf8(known->reference)}, {"at", location_json(known->at)}};
}

Json side_json(const CellView& cell) { return cell.finding == nullptr ? Json() : cell_json(*cell.row, *cell.finding); }

}  // namespace

void write_diff(const Comparison& comparison, std::size_t width, std::ostream& out) {
  out << "A  " << printable(run_text(*comparison.a)) << "\nB  " << printable(run_text(*comparison.b)) << '\n';
  write_versions(*comparison.a, *comparison.b, width, out);
  for (const auto& text : comparison.run_level) write_field("RUN", text, width, out);
  std::vector<std::string> counts;
  for (const bool explained : {false, true})
    for (const Change change : all_changes) {
      const auto list = those(comparison, change, explained);
      if (list.empty()) continue;
      out << '\n' << to_string(change) << (explained ? ", explained" : "") << " (" << list.size() << ")\n";
      for (const Difference* one : list) write_difference(*one, width, out);
      counts.push_back(std::to_string(list.size()) + " " + to_string(change) + (explained ? " (explained)" : ""));
    }
  if (!comparison.unused.empty()) out << "\nknown differences that did not show\n";
  for (const KnownDifference* one : comparison.unused)
    write_field("", one->case_name + " [" + one->profile + "] at " + to_string(one->at) + ": " + one->reason, width,
                out);
  counts.push_back(std::to_string(comparison.same) + " the same");
  out << '\n'
      << printable(joined(counts, ", ")) << "\nresult: " << (worse(comparison) ? "WORSE" : "nothing got worse") << '\n';
}

Json diff_json(const Comparison& comparison) {
  Json counts = Json::object();
  for (const Change change : all_changes)
    counts[to_string(change)] = those(comparison, change, false).size() + those(comparison, change, true).size();
  counts["same"] = comparison.same;
  Json list = Json::array();
  for (const Difference& one : comparison.differences)
    list.push_back({{"change", to_string(one.change)},
                    {"scenario", valid_utf8(one.scenario)},
                    {"case", valid_utf8(one.case_id)},
                    {"profile", valid_utf8(one.profile)},
                    {"worse", one.worse},
                    {"skip", valid_utf8(one.skip)},
                    {"explained", known_json(one.explained)},
                    {"a", side_json(one.before)},
                    {"b", side_json(one.after)}});
  Json unused = Json::array();
  for (const KnownDifference* one : comparison.unused) unused.push_back(known_json(one));
  return {{"schema", 1},
          {"a", run_json(*comparison.a)},
          {"b", run_json(*comparison.b)},
          {"worse", worse(comparison)},
          {"run", texts_json(comparison.run_level)},
          {"totals", std::move(counts)},
          {"differences", std::move(list)},
          {"unused_known", std::move(unused)}};
}

}  // namespace egressproof::report
