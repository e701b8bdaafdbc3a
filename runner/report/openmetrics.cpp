#include "runner/report/openmetrics.h"

#include <fmt/format.h>

#include <cmath>
#include <ostream>

#include "runner/report/cells.h"
#include "runner/report/names.h"
#include "runner/report/printable.h"
#include "runner/report/times.h"

namespace egressproof::report {
namespace {

using Labels = std::vector<std::pair<const char*, std::string>>;

std::string labelled(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += (out.empty() ? "{" : ",") + std::string(name) + "=\"";
    for (const char c : printable(value)) out += c == '\\' || c == '"' ? std::string("\\") + c : std::string(1, c);
    out += '"';
  }
  return out.empty() ? out : out + "}";
}

class Writer {
 public:
  explicit Writer(std::ostream& out) : out_(out) {}

  void family(const std::string& name, const char* type, const std::string& help) {
    name_ = name;
    out_ << "# TYPE " << name << ' ' << type << '\n';
    if (name.ends_with("_seconds")) out_ << "# UNIT " << name << " seconds\n";
    out_ << "# HELP " << name << ' ' << help << '\n';
  }
  void sample(double value, const Labels& labels = {}, const char* suffix = "") {
    out_ << name_ << suffix << labelled(labels) << ' ' << fmt::format("{}", std::isfinite(value) ? value : 0.0) << '\n';
  }

 private:
  std::ostream& out_;
  std::string name_;
};

double seconds(std::chrono::microseconds took) { return std::chrono::duration<double>(took).count(); }

struct Turns {
  const char* name;
  std::vector<policy::CanaryTurn> list;  // of all generations
};

void write_turns(const Report& report, Writer& writer) {
  std::vector<Turns> all = {{"enforcement", {}}, {"admission", {}}, {"revocation", {}}};
  for (const auto& generation : report.evidence.policies) {
    all[0].list.insert(all[0].list.end(), generation.enforcement.begin(), generation.enforcement.end());
    all[1].list.insert(all[1].list.end(), generation.admission.begin(), generation.admission.end());
    all[2].list.insert(all[2].list.end(), generation.revocation.begin(), generation.revocation.end());
  }
  writer.family("egressproof_policy_turn_seconds", "summary",
                "From a policy change to the first attempt that saw it, over the profiles where it was seen.");
  for (const Turns& turns : all) {
    const TurnTimes times = turn_times(turns.list);
    if (times.seen > 0) {
      writer.sample(seconds(times.p50), {{"turn", turns.name}, {"quantile", "0.5"}});
      writer.sample(seconds(times.p99), {{"turn", turns.name}, {"quantile", "0.99"}});
      writer.sample(seconds(times.max), {{"turn", turns.name}, {"quantile", "1"}});
    }
    writer.sample(static_cast<double>(times.seen), {{"turn", turns.name}}, "_count");
  }
  writer.family("egressproof_policy_turns_missing", "gauge",
                "Profiles in which a policy change was not seen in time, or was lost again.");
  for (const Turns& turns : all) {
    const TurnTimes times = turn_times(turns.list);
    writer.sample(static_cast<double>(times.not_seen.size() + times.lost.size()), {{"turn", turns.name}});
  }
}

void write_cells(const Report& report, Writer& writer) {
  const Cells cells = cells_of(report);
  std::vector<std::string> scenarios;
  std::map<std::string, std::map<std::string, int>> counts;
  for (const auto& one : report.scenarios)
    if (counts.try_emplace(one.name).second) scenarios.push_back(one.name);
  for (const CellView& cell : cells.list) {
    if (counts.try_emplace(cell.finding->scenario).second) scenarios.push_back(cell.finding->scenario);
    ++counts[cell.finding->scenario][to_string(cell.finding->status)];
  }
  writer.family("egressproof_cells", "gauge", "Cells of the matrix by status.");
  for (const auto& scenario : scenarios)
    for (const auto status : all_statuses)
      writer.sample(counts[scenario][to_string(status)], {{"scenario", scenario}, {"status", to_string(status)}});
}

}  // namespace

void write_openmetrics(const Report& report, std::ostream& out) {
  Writer writer(out);
  writer.family("egressproof_exit_code", "gauge", "Exit code of the run.");
  writer.sample(report.exit_code);
  writer.family("egressproof_aborted", "gauge", "1 if the run did not finish.");
  writer.sample(report.aborted.empty() ? 0 : 1);
  writer.family("egressproof_receipts_complete", "gauge",
                "0 if a receipt may be lost, so that nothing is proven absent.");
  writer.sample(report.evidence.receipts_complete ? 1 : 0);
  writer.family("egressproof_errors", "gauge", "Errors of the run as a whole.");
  writer.sample(static_cast<double>(report.evidence.errors.size()));
  writer.family("egressproof_skips", "gauge", "Cases and profiles that were selected but cannot run here.");
  writer.sample(static_cast<double>(report.skips.size()));
  write_cells(report, writer);
  write_turns(report, writer);
  writer.family("egressproof_phase_seconds", "gauge", "Duration of each phase of the run.");
  double all = 0;
  for (const auto& [phase, took] : report.seconds) {
    if (phase == "total") continue;
    writer.sample(took, {{"phase", phase}});
    all += std::isfinite(took) ? took : 0;
  }
  const auto total = report.seconds.find("total");
  writer.family("egressproof_run_seconds", "gauge", "Duration of the run.");
  writer.sample(total == report.seconds.end() ? all : total->second);
  writer.family("egressproof_version", "gauge", "1 for each version that took part.");
  writer.sample(1, {{"component", "egressproof"}, {"version", report.tool_version}});
  for (const auto& [name, version] : report.versions)
    if (name != "egressproof") writer.sample(1, {{"component", name}, {"version", version}});
  out << "# EOF\n";
}

}  // namespace egressproof::report
