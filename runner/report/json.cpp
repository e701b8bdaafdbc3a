#include <cmath>
#include <ostream>

#include "runner/report/cells.h"
#include "runner/report/json_parts.h"
#include "runner/report/names.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

Json turns_json(const std::vector<policy::CanaryTurn>& turns) {
  Json list = Json::array();
  for (const auto& turn : turns)
    list.push_back({{"profile", valid_utf8(turn.profile)},
                    {"turned", turn.turned},
                    {"changed_at_us", turn.changed_at.count()},
                    {"last_old_us", turn.last_old.count()},
                    {"first_new_us", turn.first_new.count()},
                    {"lost_at_us", turn.lost_at.count()},
                    {"attempts", turn.attempts}});
  return list;
}

Json applied_json(const std::vector<policy::Applied>& generations) {
  Json list = Json::array();
  for (const auto& one : generations)
    list.push_back({{"generation", one.generation},
                    {"applied_at_us", one.applied_at.count()},
                    {"acknowledged_at_us", one.acknowledged_at.count()},
                    {"in_force_at_us", one.in_force_at.count()},
                    {"because", valid_utf8(one.because)},
                    {"enforcement", turns_json(one.enforcement)},
                    {"admission", turns_json(one.admission)},
                    {"revocation", turns_json(one.revocation)}});
  return list;
}

Json profiles_json(const Report& report) {
  Json list = Json::array();
  for (const auto& name : report.profiles) {
    const auto title = report.profile_titles.find(name);
    Json policies = Json::array();
    if (const auto found = report.policies.find(name); found != report.policies.end())
      for (const auto& one : found->second)
        policies.push_back(
            {{"kind", valid_utf8(one.kind)}, {"name", valid_utf8(one.name)}, {"at", location_json(one.at)}});
    list.push_back({{"name", valid_utf8(name)},
                    {"title", title == report.profile_titles.end() ? "" : valid_utf8(title->second)},
                    {"policies", std::move(policies)}});
  }
  return list;
}

// What is known before the first cell.
void put_head(Json& json, const Report& report) {
  json["schema"] = report.schema;
  json["tool_version"] = valid_utf8(report.tool_version);
  json["run_id"] = valid_utf8(report.run_id);
  json["seed"] = valid_utf8(report.seed);
  json["backend"] = valid_utf8(report.backend);
  Json versions = Json::object();
  for (const auto& [name, version] : report.versions) versions[valid_utf8(name)] = valid_utf8(version);
  json["versions"] = std::move(versions);
  json["started_at"] = valid_utf8(report.started_at);
  json["profiles"] = profiles_json(report);
  Json scenarios = Json::array();
  for (const auto& one : report.scenarios)
    scenarios.push_back({{"name", valid_utf8(one.name)},
                         {"title", valid_utf8(one.title)},
                         {"requirement", valid_utf8(one.requirement)}});
  json["scenarios"] = std::move(scenarios);
  Json cases = Json::array();
  for (const auto& one : report.cases)
    cases.push_back({{"scenario", valid_utf8(one.scenario)},
                     {"id", valid_utf8(one.id)},
                     {"title", valid_utf8(one.title)},
                     {"reference", valid_utf8(one.reference)},
                     {"why", valid_utf8(one.why)},
                     {"fix", valid_utf8(one.fix)}});
  json["cases"] = std::move(cases);
}

// What is known after the last one.
void put_summary(Json& json, const Report& report) {
  json["exit_code"] = report.exit_code;
  json["aborted"] = valid_utf8(report.aborted);
  const auto counts = totals(report);
  Json total = Json::object();
  for (const auto status : all_statuses) total[to_string(status)] = counts.at(to_string(status));
  json["totals"] = std::move(total);
  Json seconds = Json::object();
  for (const auto& [phase, took] : report.seconds) seconds[valid_utf8(phase)] = std::isfinite(took) ? took : 0.0;
  json["seconds"] = std::move(seconds);
  json["generations"] = applied_json(report.evidence.policies);
  json["receipts_complete"] = report.evidence.receipts_complete;
  json["errors"] = texts_json(report.evidence.errors);
  Json unattributed = Json::object();
  for (const auto& [fixture, count] : report.evidence.unattributed) unattributed[valid_utf8(fixture)] = count;
  json["unattributed"] = std::move(unattributed);
  Json skips = Json::array();
  for (const auto& one : report.skips)
    skips.push_back({{"scenario", valid_utf8(one.scenario)},
                     {"case", valid_utf8(one.case_id)},
                     {"profile", valid_utf8(one.profile)},
                     {"reason", valid_utf8(one.reason)}});
  json["skips"] = std::move(skips);
}

}  // namespace

Json head_json(const Report& report) {
  Json json = Json::object();
  put_head(json, report);
  put_summary(json, report);
  return json;
}

Json to_json(const Report& report) {
  Json json = head_json(report);
  Json list = Json::array();
  const Cells cells = cells_of(report);
  for (const CellView& cell : cells.list) list.push_back(cell_json(*cell.row, *cell.finding));
  json["cells"] = std::move(list);
  return json;
}

std::string to_ndjson_line(const evidence::Row& row, const verdict::Finding& finding) {
  Json json = {{"type", "cell"}};
  json.update(cell_json(row, finding));
  return json.dump();
}

void write_ndjson(const Report& report, std::ostream& out) {
  Json run = {{"type", "run"}};
  put_head(run, report);
  out << run.dump() << '\n';
  const Cells cells = cells_of(report);
  for (const CellView& cell : cells.list) out << to_ndjson_line(*cell.row, *cell.finding) << '\n';
  Json summary = {{"type", "summary"}};
  put_summary(summary, report);
  out << summary.dump() << '\n';
}

}  // namespace egressproof::report
