#include "runner/report/markdown.h"

#include <algorithm>
#include <ostream>
#include <sstream>

#include "runner/report/explain.h"
#include "runner/report/granularity.h"
#include "runner/report/grid.h"
#include "runner/report/names.h"
#include "runner/report/outcome.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

using verdict::Status;

constexpr std::size_t most_explained = 40;  // job summaries have a limit of 1 MiB
constexpr std::size_t explain_width = 110;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// A paragraph of its own, which must not begin a list or underline a heading.
std::string paragraph(const std::string& text) {
  const std::string out = md(text);
  const bool letter = !out.empty() && std::string_view("-+=0123456789").find(out.front()) == std::string_view::npos;
  return letter || out.empty() ? out : "&#" + std::to_string(static_cast<int>(out.front())) + ";" + out.substr(1);
}

std::string linked(const std::string& reference) {
  const bool plain = reference.rfind("https://", 0) == 0 && std::all_of(reference.begin(), reference.end(), [](char c) {
                       return c > ' ' && c < 0x7f && c != '<' && c != '>' && c != '\\' && c != '|';
                     });
  return plain ? "[reference](<" + reference + ">)" : md(reference);
}

// A block in which nothing is markup: its fence is longer than any run of backticks in it.
void write_block(const std::string& text, std::ostream& out) {
  std::size_t longest = 2;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  out << fence << "text\n" << text << fence << '\n';
}

std::string heading_of(Status status) {
  switch (status) {
    case Status::fail:
      return "Mismatches";
    case Status::news:
      return "News: documented holes that did not show";
    case Status::inconclusive:
      return "Inconclusive";
    case Status::error:
      return "Errors of the harness, no verdict";
    case Status::pass:
    case Status::known_leak:
    case Status::recorded:
      break;
  }
  return to_string(status);
}

void write_explained(const Report& report, const Cells& cells, Status status, std::ostream& out) {
  std::vector<const CellView*> list;
  for (const CellView& cell : cells.list)
    if (cell.finding->status == status) list.push_back(&cell);
  if (list.empty()) return;
  out << "\n## " << heading_of(status) << " (" << list.size() << ")\n\n";
  for (std::size_t i = 0; i < std::min(list.size(), most_explained); ++i) {
    const verdict::Finding& finding = *list[i]->finding;
    out << "<details><summary><b>" << md(mark_of(finding).text) << "</b> " << md(cell_name(finding)) << ": "
        << md(finding.because) << "</summary>\n\n";
    std::ostringstream told;
    explain(report, *list[i], explain_width, told);
    write_block(told.str(), out);
    out << "\n</details>\n";
  }
  if (list.size() > most_explained)
    out << "\nand " << list.size() - most_explained << " more; the other reports have them all\n";
}

// By case and place of arrival: profiles in one cell.
void write_known_leaks(const Report& report, const Cells& cells, std::ostream& out) {
  const auto groups = known_leaks_of(cells);
  if (groups.empty()) return;
  out << "\n## Known leaks\n\nDocumented holes, each proven again by a receipt. Not passes.\n\n"
         "| case | profiles | arrived at | why | fix |\n|---|---|---|---|---|\n";
  for (const auto& [finding, profiles] : groups) {
    const CaseText* text = case_text(report, finding->scenario, finding->case_id);
    const std::string why = text == nullptr ? "" : md(text->why);
    const std::string reference = text == nullptr || text->reference.empty() ? "" : linked(text->reference);
    out << "| " << md(finding->scenario + "/" + finding->case_id) << " | " << md(joined(profiles, ", ")) << " | "
        << md(joined(finding->reached, ", ")) << " | " << why << (why.empty() ? "" : " ") << reference << " | "
        << (text == nullptr ? "" : md(text->fix)) << " |\n";
  }
}

void write_matrix(const Report& report, const Grid& grid, std::ostream& out) {
  if (grid.groups.empty()) return;
  out << "\n## Matrix\n";
  for (const Group& group : grid.groups) {
    out << "\n### " << md(group.scenario.name) << (group.scenario.title.empty() ? "" : ": ") << md(group.scenario.title)
        << "\n\n";
    if (!group.scenario.requirement.empty()) out << paragraph(group.scenario.requirement) << "\n\n";
    out << "| case |";
    for (const auto& profile : grid.profiles) out << ' ' << md(profile) << " |";
    out << "\n|---|";
    for (std::size_t i = 0; i < grid.profiles.size(); ++i) out << ":-:|";
    out << '\n';
    for (const auto& id : group.cases) {
      out << "| " << md(id) << " |";
      for (const auto& profile : grid.profiles) {
        const Mark mark = mark_at(grid, group.scenario.name, id, profile);
        const bool loud = mark.tone == Tone::bad || mark.tone == Tone::unsure;
        out << ' ' << (loud ? "**" : "") << md(mark.text) << (loud ? "**" : "") << " |";
      }
      out << '\n';
    }
  }
  out << "\n| mark | meaning |\n|---|---|\n";
  for (const Mark& mark : used_marks(grid)) out << "| " << md(mark.key) << " | " << md(mark.meaning) << " |\n";
  out << "\n| profile | policies |\n|---|---|\n";
  for (const auto& profile : grid.profiles) {
    const auto title = report.profile_titles.find(profile);
    out << "| " << md(profile) << " | " << (title == report.profile_titles.end() ? "" : md(title->second)) << " |\n";
  }
}

void write_skips(const Report& report, std::ostream& out) {
  if (report.skips.empty()) return;
  out << "\n## Skipped\n\n| reason | entries |\n|---|--:|\n";
  std::vector<std::pair<std::string, int>> reasons;
  for (const auto& skip : report.skips) {
    const auto same =
        std::find_if(reasons.begin(), reasons.end(), [&](const auto& one) { return one.first == skip.reason; });
    if (same == reasons.end())
      reasons.emplace_back(skip.reason, 1);
    else
      ++same->second;
  }
  for (const auto& [reason, count] : reasons) out << "| " << md(reason) << " | " << count << " |\n";
}

}  // namespace

// Also inside HTML elements, where backslashes are no escapes.
std::string md(std::string_view text) {
  static constexpr std::string_view acting = "&<>@\\`*_[]|~#$";
  std::string out;
  for (const char c : printable(text)) {
    if (acting.find(c) == std::string_view::npos)
      out += c;
    else
      out += "&#" + std::to_string(static_cast<int>(c)) + ";";
  }
  // What would become a link by itself.
  replace_all(out, "://", ":&#47;/");
  replace_all(out, "www.", "www&#46;");
  return out;
}

void write_markdown(const Report& report, std::ostream& out) {
  const Cells cells = cells_of(report);
  const Grid grid = grid_of(report, cells);
  out << "# egressproof: " << md(outcome_of(report).text) << "\n\n" << md(totals_text(report)) << "\n\n";
  out << "Run " << md(report.run_id) << " on backend " << md(report.backend) << ", seed " << md(report.seed) << ", "
      << md(report.started_at) << ", exit code " << report.exit_code << ", egressproof " << md(report.tool_version);
  for (const auto& [name, version] : report.versions) out << ", " << md(name) << " " << md(version);
  out << ".\n";
  if (!report.aborted.empty()) out << "\n**What follows is incomplete and proves nothing that it does not show.**\n";
  if (!report.evidence.receipts_complete && !cells.list.empty())
    out << "\n**The receipts are incomplete: what did not arrive is not proven.**\n";
  for (const auto& error : report.evidence.errors) out << "\n**Error of the run:** " << md(error) << '\n';
  out << "\n| status | cells |\n|---|--:|\n";
  const auto counts = totals(report);
  for (const auto status : all_statuses)
    out << "| " << to_string(status) << " | " << counts.at(to_string(status)) << " |\n";
  for (const Status status : {Status::fail, Status::news, Status::inconclusive, Status::error})
    write_explained(report, cells, status, out);
  write_known_leaks(report, cells, out);
  write_matrix(report, grid, out);
  if (const Granularity granularity = granularity_of(report); !granularity.rows.empty()) {
    out << "\n## What each layer tells apart\n\n";
    write_granularity_markdown(granularity, out);
  }
  write_skips(report, out);
}

}  // namespace egressproof::report
