#include "runner/report/granularity.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "runner/report/cells.h"
#include "runner/report/explain.h"
#include "runner/report/markdown.h"
#include "runner/report/printable.h"
#include "runner/scenario/past_proxy.h"

namespace egressproof::report {
namespace {

using scenario::Expect;
using verdict::Verdict;

constexpr std::string_view base = "base";

// "path.tls" is of case "path", in protocol "tls"; a case without variants has one row, "".
std::pair<std::string, std::string> parts_of(const std::string& id) {
  const std::size_t dot = id.rfind('.');
  return dot == std::string::npos ? std::pair(id, std::string()) : std::pair(id.substr(0, dot), id.substr(dot + 1));
}

// Whether nothing but the connection arrived.
bool is_bare(const std::vector<target::Receipt>& received) {
  return !received.empty() && std::all_of(received.begin(), received.end(), [](const target::Receipt& one) {
    return one.kind == target::ReceiptKind::connection;
  });
}

ToldApart answer_of(const CellView& cell) {
  switch (cell.finding->verdict) {
    case Verdict::deny:
      return ToldApart::yes;
    case Verdict::leak:
      return is_bare(cell.row->probe.received) ? ToldApart::late : ToldApart::no;
    case Verdict::allow:
      return ToldApart::no;
    case Verdict::rerouted:
      return ToldApart::own_address;
    case Verdict::wrong_path:
    case Verdict::false_deny:
    case Verdict::inconclusive:
    case Verdict::error:
      break;
  }
  return ToldApart::unknown;
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

std::string label_of(const GranularityRow& row) {
  return row.profile + "  " + row.title + (row.protocol.empty() ? "" : ", " + row.protocol);
}

std::string by_of(const GranularityRow& row) {
  return row.base_allowed ? joined(row.layers, ", ") : "the allowed request did not pass";
}

ToldApart at(const GranularityRow& row, const std::string& difference) {
  const auto found = row.answers.find(difference);
  return found == row.answers.end() ? ToldApart::unasked : found->second;
}

}  // namespace

std::string to_string(ToldApart answer) {
  switch (answer) {
    case ToldApart::unasked:
      return "-";
    case ToldApart::yes:
      return "yes";
    case ToldApart::no:
      return "no";
    case ToldApart::late:
      return "late";
    case ToldApart::own_address:
      return "address";
    case ToldApart::unknown:
      break;
  }
  return "?";
}

Granularity granularity_of(const Report& report) {
  Granularity made;
  std::map<std::pair<std::string, std::string>, GranularityRow> rows;  // by profile and protocol
  std::vector<std::string> protocols, vantages;
  const Cells cells = cells_of(report);
  for (const CellView& cell : cells.list) {
    const verdict::Finding& finding = *cell.finding;
    if (finding.scenario != granularity_scenario || scenario::is_past_proxy(finding.case_id)) continue;
    const auto [difference, protocol] = parts_of(finding.case_id);
    add_once(protocols, protocol);
    GranularityRow& row = rows[{finding.profile, protocol}];
    if (difference == base) {
      row.base_allowed = finding.verdict == Verdict::allow;
      continue;
    }
    if (finding.expectation.expect == Expect::allow) add_once(vantages, finding.profile);
    add_once(made.differences, difference);
    row.answers[difference] = answer_of(cell);
    if (finding.verdict == Verdict::deny) add_once(row.layers, to_string(finding.layer));
  }
  for (const std::string& profile : report.profiles) {
    if (std::find(vantages.begin(), vantages.end(), profile) != vantages.end()) continue;
    for (const std::string& protocol : protocols) {
      const auto found = rows.find({profile, protocol});
      if (found == rows.end()) continue;
      GranularityRow row = found->second;
      row.profile = profile;
      row.protocol = protocol;
      if (const auto title = report.profile_titles.find(profile); title != report.profile_titles.end())
        row.title = title->second;
      if (!row.base_allowed)
        for (auto& [difference, answer] : row.answers) answer = ToldApart::unknown;
      made.rows.push_back(std::move(row));
    }
  }
  return made;
}

void write_granularity(const Granularity& granularity, std::ostream& out) {
  if (granularity.rows.empty()) {
    out << "The report has no cells of the scenario '" << granularity_scenario << "'.\n";
    return;
  }
  static constexpr std::size_t widest_answer = 7;  // "address"
  std::size_t first = 0;
  for (const GranularityRow& row : granularity.rows) first = std::max(first, columns(printable(label_of(row))));
  const auto column = [](const std::string& text, const std::string& difference) {
    return "  " + padded(text, std::max(widest_answer, columns(difference)));
  };
  out << padded("", first);
  for (const std::string& difference : granularity.differences) out << column(printable(difference), difference);
  out << "  denied by\n";
  for (const GranularityRow& row : granularity.rows) {
    out << padded(printable(label_of(row)), first);
    for (const std::string& difference : granularity.differences)
      out << column(to_string(at(row, difference)), difference);
    out << "  " << printable(by_of(row)) << '\n';
  }
  out << "yes      a request that differs from an allowed one in this alone is denied\n"
         "no       it arrives\n"
         "late     it is denied after the host was connected to; none of the client's bytes arrive\n"
         "address  it goes to an address of the allowed host, whatever was dialled\n"
         "-        the layer is not asked;  ?  no answer\n";
}

void write_granularity_markdown(const Granularity& granularity, std::ostream& out) {
  out << "| layer |";
  for (const std::string& difference : granularity.differences) out << ' ' << md(difference) << " |";
  out << " denied by |\n|---|";
  for (std::size_t i = 0; i < granularity.differences.size(); ++i) out << ":-:|";
  out << "---|\n";
  for (const GranularityRow& row : granularity.rows) {
    out << "| " << md(label_of(row)) << " |";
    for (const std::string& difference : granularity.differences)
      out << ' ' << md(to_string(at(row, difference))) << " |";
    out << ' ' << md(by_of(row)) << " |\n";
  }
}

}  // namespace egressproof::report
