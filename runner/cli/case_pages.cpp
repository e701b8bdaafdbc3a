#include "runner/cli/case_pages.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "runner/cli/case_blocks.h"
#include "runner/cli/wire.h"
#include "runner/plan/needed.h"
#include "runner/report/report.h"
#include "runner/run/case_text.h"

namespace egressproof::cli {
namespace {

constexpr const char* made_by =
    "<!-- Made by `egressproof explain --markdown`; the scenario files are the source. -->\n";

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::string linked(const std::string& reference) {
  return reference.rfind("https://", 0) == 0 ? "<" + reference + ">" : markdown_text(reference);
}

// Says that the nonce stands there, not which one.
std::string without_nonce(std::string text, const std::string& nonce) {
  for (std::size_t at = text.find(nonce); !nonce.empty() && at != std::string::npos; at = text.find(nonce, at))
    text.replace(at, nonce.size(), "NONCE");
  return text;
}

// In the middle of an expected denial the layer is data of the profile: who stands in the way there.
std::string layers_of(const scenario::Profile& profile) {
  if (profile.mesh == scenario::Mesh::none) return "no mesh";
  std::string text = profile.gateway.empty() ? "sidecar" : "sidecar, gateway";
  const auto has = [&](const char* kind) {
    return std::any_of(profile.policies.begin(), profile.policies.end(),
                       [&](const scenario::PolicyObject& object) { return object.kind == kind; });
  };
  if (has("AuthorizationPolicy")) text += ", authorization";
  if (has("NetworkPolicy")) text += ", network-policy";
  return text;
}

void write_block(const Block& block, const plan::Plan& plan, const scenario::Suite& suite, std::ostream& out) {
  out << "```text\n";
  for (const std::string& line : block.wire) out << line << '\n';
  const probe::Attempt& attempt = block.cells.front()->attempt;
  if (const std::string curl = report::curl_line(attempt); !curl.empty())
    out << '\n' << without_nonce(curl, attempt.nonce) << '\n';
  out << "```\n\n| profile | | expected | layers there |\n|---|---|---|---|\n";
  for (const plan::Cell* cell : block.cells)
    out << "| " << cell->profile << " | `" << code_of(cell->expectation) << "` | " << markdown_text(sentence_of(*cell))
        << " | " << layers_of(profile_of(suite, cell->profile)) << " |\n";
  const plan::Control& control = plan.controls[block.cells.front()->control];
  out << "\nControl: " << (wire_lines(control.before) == block.wire ? "the same" : "with changes") << ", from "
      << plan::sender_of(control) << ", before and after; must arrive at " << control.expected.fixture << ".\n\n";
  if (wire_lines(control.before) == block.wire) return;
  out << "```text\n";
  for (const std::string& line : wire_lines(control.before)) out << line << '\n';
  out << "```\n\n";
}

void write_case(const scenario::Scenario& scenario, const scenario::Case& one, const std::vector<std::string>& rows,
                const plan::Plan& plan, const scenario::Suite& suite, std::ostream& out) {
  out << "## " << one.id << "\n\n" << markdown_text(one.title) << ".\n\n";
  const auto line = [&](const char* label, const std::string& text) {
    if (!text.empty()) out << "- **" << label << ":** " << text << '\n';
  };
  line("Why", markdown_text(one.why));
  line("Fix", markdown_text(one.fix));
  line("Reference", linked(one.reference));
  line("Needs", joined(one.needs));
  line("Tags", joined(one.tags));
  for (const scenario::Correction& correction : one.corrections)
    line("Corrected", joined(correction.profiles) + ": the catalogue says " + markdown_text(correction.catalogue) +
                          ", but " + markdown_text(correction.because));
  out << '\n';
  for (const std::string& row : rows) {
    if (row != one.id) out << "### " << row << "\n\n";
    for (const Block& block : blocks_of(plan, scenario.name, row)) write_block(block, plan, suite, out);
  }
}

std::string page_of(const scenario::Scenario& scenario, const plan::Plan& plan, const scenario::Suite& suite) {
  std::ostringstream out;
  out << made_by << "# " << markdown_text(scenario.title) << "\n\n> " << markdown_text(scenario.requirement)
      << "\n\nScenario `" << scenario.name << "`; [all scenarios and what the letters mean](README.md).\n\n";
  for (const scenario::Case& one : scenario.cases) {
    std::vector<std::string> rows;
    for (const plan::Cell& cell : plan.cells)
      if (cell.scenario == scenario.name && (rows.empty() || rows.back() != cell.case_id) &&
          run::find_case(suite, cell.scenario, cell.case_id).found == &one)
        rows.push_back(cell.case_id);
    if (!rows.empty()) write_case(scenario, one, rows, plan, suite, out);
  }
  std::string page = out.str();
  page.pop_back();  // the last of two newlines
  return page;
}

std::string index_of(const scenario::Suite& suite, const plan::Plan& plan) {
  std::ostringstream out;
  out << made_by << "# Cases\n\nWhat each case sends, what each profile should do with it, and why. The same in the "
      << "terminal: `egressproof explain SCENARIO/CASE`.\n\n| scenario | requirement | cases | cells "
         "|\n|---|---|---|---|\n";
  for (const scenario::Scenario& scenario : suite.scenarios) {
    std::set<const scenario::Case*> cases;
    std::size_t cells = 0;
    for (const plan::Cell& cell : plan.cells) {
      if (cell.scenario != scenario.name) continue;
      cases.insert(run::find_case(suite, cell.scenario, cell.case_id).found);
      ++cells;
    }
    out << "| [" << markdown_text(scenario.title) << "](" << scenario.name << ".md) | "
        << markdown_text(scenario.requirement) << " | " << cases.size() << " | " << cells << " |\n";
  }
  out << "\n| letter | expected |\n|---|---|\n"
      << "| `A` | allow: arrives at the target by the expected path |\n"
      << "| `D` | deny: nothing arrives at the target |\n"
      << "| `R` | reroute: the client succeeds, but at the role's own fixture; nothing at the target |\n"
      << "| `L` | leak: a documented hole; it arrives although it must not |\n"
      << "| `X` | outage: the target is broken; must be told as inconclusive, never as deny |\n"
      << "| `~` | implementation-defined: recorded, not demanded |\n\n| profile | | layers |\n|---|---|---|\n";
  for (const scenario::Profile& profile : suite.profiles)
    out << "| " << profile.name << " | " << markdown_text(profile.title) << " | " << layers_of(profile) << " |\n";
  return out.str();
}

}  // namespace

std::string markdown_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>|#&").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::map<std::string, std::string> case_pages(const scenario::Suite& suite, const plan::Plan& plan) {
  std::map<std::string, std::string> pages = {{"README.md", index_of(suite, plan)}};
  for (const scenario::Scenario& scenario : suite.scenarios)
    pages[scenario.name + ".md"] = page_of(scenario, plan, suite);
  return pages;
}

}  // namespace egressproof::cli
