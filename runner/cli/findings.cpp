// From failed cells to the manifest that leaves the hole, the receipt that proves it, and what to change.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <tuple>

#include "runner/cli/policies.h"
#include "runner/draft/holes.h"
#include "runner/report/cells.h"
#include "runner/report/explain.h"
#include "runner/report/printable.h"
#include "runner/scenario/past_proxy.h"

namespace egressproof::cli {
namespace {

using verdict::Status;
using verdict::Verdict;

constexpr std::size_t text_width = 110;
constexpr const char* passthrough = "PassthroughCluster";

struct Group {
  draft::Cause cause;
  std::vector<const report::CellView*> cells;
};

const draft::Cause* named(const std::vector<draft::Cause>& causes, std::string_view hole) {
  const auto found = std::find_if(causes.begin(), causes.end(), [&](const auto& one) { return one.hole == hole; });
  return found == causes.end() ? nullptr : &*found;
}

// The proxy's own record tells whether the connection went past the registry or through a listing.
const draft::Cause* cause_of_leak(const std::vector<draft::Cause>& causes, const evidence::Row& row) {
  const bool passed = std::any_of(row.probe.logged.begin(), row.probe.logged.end(),
                                  [](const auto& one) { return one.cluster == passthrough; });
  const auto found = std::find_if(causes.begin(), causes.end(),
                                  [&](const auto& one) { return (one.hole == "no-registry-only") == passed; });
  return found != causes.end() ? &*found : causes.empty() ? nullptr : &causes.front();
}

const draft::Cause* cause_of(const std::vector<draft::Cause>& causes, const report::CellView& cell) {
  switch (cell.finding->verdict) {
    case Verdict::leak:
      return cause_of_leak(causes, *cell.row);
    case Verdict::wrong_path:
      return named(causes, "past-the-gateway");
    case Verdict::false_deny:
      return named(causes, "listed-but-denied");
    case Verdict::rerouted: {
      const draft::Cause* tcp = named(causes, "tcp-without-vip");
      if (tcp != nullptr) return tcp;
      const draft::Cause* foreign = named(causes, "exported-to-all");
      return foreign != nullptr ? foreign : named(causes, "somebody-else-answers");
    }
    default:
      return nullptr;
  }
}

class FindingsWriter {
 public:
  FindingsWriter(const report::Report& report, const Drafted& drafted, const PoliciesOptions& options,
                 std::ostream& out)
      : cells_(report::cells_of(report)), report_(report), drafted_(drafted), options_(options), out_(out) {}

  void write() {
    if (!report_.aborted.empty() || cells_.list.empty()) return;
    for (const report::CellView& cell : cells_.list) sort_in(cell);
    const auto count = findings_.size();
    out_ << fmt::format("\nFINDINGS: {}\n", count == 0 ? "none" : std::to_string(count));
    std::vector<const draft::Aside*> untried;
    for (const draft::Aside& one : drafted_.model.asides)
      if (one.untried) untried.push_back(&one);
    if (count == 0 && report_.exit_code == 0)
      out_ << "  proven clean" << (untried.empty() ? "" : ", but for what was not tried")
           << ": every listed target arrived, nothing else did, but for the limits below\n";
    for (const draft::Aside* one : untried)
      paragraph(fmt::format("not tried: {}  {}: {}", draft::place_of(one->at), report::printable(one->what), one->why),
                2);
    int number = 0;
    for (const Group& one : findings_) write_group(++number, one);
    if (!limits_.empty()) out_ << "\nLIMITS of this kind of policy, each shown by a receipt\n";
    for (const Group& one : limits_) {
      const draft::Hole& hole = draft::hole(one.cause.hole);
      paragraph(fmt::format("{}  {}: {}", draft::place_of(one.cause.at), one.cause.object, hole.title), 2);
      paragraph(fmt::format("fix: {}", hole.fix), 6);
    }
    for (const report::CellView* one : unexplained_)
      out_ << "  not traced to a manifest: " << report::cell_name(*one->finding) << " (explained above)\n";
  }

 private:
  void sort_in(const report::CellView& cell) {
    const verdict::Finding& finding = *cell.finding;
    if (finding.status != Status::fail && finding.status != Status::known_leak) return;
    const draft::Cause* cause = nullptr;
    draft::Cause past;
    if (scenario::is_past_proxy(finding.case_id)) {
      for (const draft::Workload& one : drafted_.model.workloads)
        if (drafted_.draft.profiles.at(one.ns) == finding.profile && one.network_policy)
          past = {"no-network-policy", "NetworkPolicy of namespace " + one.ns, *one.network_policy};
      if (!past.hole.empty()) cause = &past;
    } else if (const draft::Cell* drafted = drafted_.draft.cell(finding.scenario, finding.case_id, finding.profile)) {
      cause = cause_of(drafted->causes, cell);
    }
    if (cause == nullptr) return unexplained_.push_back(&cell);
    std::vector<Group>& groups = finding.status == Status::known_leak ? limits_ : findings_;
    const auto key = [](const draft::Cause& one) { return std::tuple(one.hole, one.at.file, one.at.line, one.object); };
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const Group& one) { return key(one.cause) == key(*cause); });
    if (found == groups.end())
      groups.push_back({*cause, {&cell}});
    else
      found->cells.push_back(&cell);
  }

  void paragraph(const std::string& text, std::size_t indent) {
    bool first = true;
    for (const std::string& line : report::wrapped(text, text_width - indent - 2)) {
      out_ << std::string(first ? indent : indent + 2, ' ') << line << '\n';
      first = false;
    }
  }

  void field(const char* label, const std::string& text) {
    bool first = true;
    for (const std::string& line : report::wrapped(text, text_width - 14)) {
      out_ << fmt::format("     {:<9}{}\n", first ? label : "", line);
      first = false;
    }
  }

  void write_group(int number, const Group& group) {
    const draft::Hole& hole = draft::hole(group.cause.hole);
    const verdict::Finding& shown = *group.cells.front()->finding;
    out_ << fmt::format("\n  {}. {}  {}\n", number, draft::place_of(group.cause.at),
                        report::printable(group.cause.object));
    field("hole", fmt::format("{} [{}]", hole.title, hole.key));
    field("because", std::string(hole.why));
    field("proven", fmt::format("{}: {}", report::cell_name(shown), shown.because));
    if (group.cells.size() > 1) {
      std::vector<std::string> others;
      for (std::size_t i = 1; i < group.cells.size(); ++i)
        others.push_back(report::cell_name(*group.cells[i]->finding));
      field("also", report::joined(others, ", "));
    }
    field("fix", std::string(hole.fix));
    field("see", std::string(hole.reference));
    // One line whatever its length: it is to be copied.
    out_ << fmt::format("     {:<9}egressproof repro {} --profile {} --policies {}{}{}\n", "again",
                        report::shell_quoted(shown.scenario + "/" + shown.case_id), report::shell_quoted(shown.profile),
                        report::shell_quoted(options_.policies),
                        options_.default_ns == PoliciesOptions{}.default_ns
                            ? ""
                            : " --default-namespace " + report::shell_quoted(options_.default_ns),
                        options_.matrix.empty() ? "" : " --matrix " + report::shell_quoted(options_.matrix));
  }

  report::Cells cells_;
  const report::Report& report_;
  const Drafted& drafted_;
  const PoliciesOptions& options_;
  std::ostream& out_;
  std::vector<Group> findings_, limits_;
  std::vector<const report::CellView*> unexplained_;
};

}  // namespace

void write_findings(const report::Report& report, const Drafted& drafted, const PoliciesOptions& options,
                    std::ostream& out) {
  FindingsWriter(report, drafted, options, out).write();
}

}  // namespace egressproof::cli
