#include <filesystem>
#include <iostream>
#include <memory>

#include "base/files.h"
#include "runner/cli/case_blocks.h"
#include "runner/cli/case_pages.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/verbs.h"
#include "runner/cli/wire.h"
#include "runner/plan/needed.h"
#include "runner/report/report.h"
#include "runner/report/write.h"
#include "runner/run/case_text.h"

namespace egressproof::cli {
namespace {

struct ExplainOptions {
  std::string which;
  std::string markdown;  // folder of pages; empty: a case to the terminal
  std::vector<std::string> paths, profiles;
};

void write_labelled(const std::string& label, const std::string& text) {
  if (!text.empty()) std::cout << "  " << label << std::string(12 - label.size(), ' ') << text << '\n';
}

void write_case(const scenario::Scenario& scenario, const scenario::Case& one) {
  std::cout << scenario.name << '/' << one.id << "  " << one.title << '\n';
  write_labelled("requirement", scenario.requirement);
  write_labelled("reference", one.reference);
  write_labelled("why", one.why);
  write_labelled("fix", one.fix);
  const auto joined = [](const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
    return all;
  };
  write_labelled("tags", joined(one.tags));
  write_labelled("needs", joined(one.needs));
  write_labelled("written at", to_string(one.at));
  for (const scenario::Correction& correction : one.corrections)
    write_labelled("corrected", joined(correction.profiles) + ": the catalogue says " + correction.catalogue +
                                    ", but " + correction.because);
}

void write_row(const plan::Plan& plan, const scenario::Suite& suite, const plan::Cell& first) {
  std::cout << "\n  " << first.scenario << '/' << first.case_id << '\n';
  for (const Block& block : blocks_of(plan, first.scenario, first.case_id)) {
    std::string profiles;
    for (const plan::Cell* cell : block.cells) profiles += (profiles.empty() ? "" : " ") + cell->profile;
    std::cout << "    on the wire, in " << profiles << ":\n";
    for (const std::string& line : block.wire) std::cout << "      " << line << '\n';
    for (const plan::Cell* cell : block.cells) {
      std::cout << "      " << cell->profile
                << std::string(cell->profile.size() < 5 ? 5 - cell->profile.size() : 1, ' ')
                << code_of(cell->expectation) << "  " << sentence_of(*cell) << "  ["
                << profile_of(suite, cell->profile).title << "]\n";
    }
    const std::string curl = report::curl_line(block.cells.front()->attempt);
    if (!curl.empty()) std::cout << "      curl: " << curl << '\n';
    const plan::Control& control = plan.controls[block.cells.front()->control];
    const auto control_wire = wire_lines(control.before);
    if (control_wire == block.wire) {
      std::cout << "    control: the same from " << plan::sender_of(control) << ", before and after, must arrive at "
                << control.expected.fixture << '\n';
    } else {
      std::cout << "    control, from " << plan::sender_of(control) << ", before and after, must arrive at "
                << control.expected.fixture << ":\n";
      for (const std::string& line : control_wire) std::cout << "      " << line << '\n';
    }
  }
}

// A page of a scenario that is gone must not stay: readers take the folder for the whole.
Result<void> remove_others(const std::filesystem::path& folder, const std::map<std::string, std::string>& pages) {
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".md" || pages.count(name) != 0) continue;
    const auto content = read_file(entry.path());
    if (!content) return tl::unexpected(content.error());
    if (content->rfind("<!-- Made by `egressproof explain", 0) == 0) std::filesystem::remove(entry.path(), code);
  }
  return {};
}

int write_pages(const ExplainOptions& options) {
  std::vector<std::string> paths = options.paths;
  if (!options.which.empty()) paths.insert(paths.begin(), options.which);  // no CASE is meant with --markdown
  const auto suite = load_suite(paths);
  if (!suite) return fail_with(suite.error());
  const auto plan = plan::make(*suite, {}, all_capabilities(*suite), "explain");
  if (!plan) return fail_with(plan.error());
  const auto pages = case_pages(*suite, *plan);
  for (const auto& [name, content] : pages)
    if (auto written = report::write_file(std::filesystem::path(options.markdown) / name, content); !written)
      return fail_with(written.error());
  if (auto removed = remove_others(options.markdown, pages); !removed) return fail_with(removed.error());
  std::cout << pages.size() << " pages in " << options.markdown << '\n';
  return run::exit_matched;
}

int explain(const ExplainOptions& options) {
  if (!options.markdown.empty()) return write_pages(options);
  if (options.which.empty()) return fail_with({ErrorKind::usage, "a case is needed, or --markdown DIR", {}});
  const auto suite = load_suite(options.paths);
  if (!suite) return fail_with(suite.error());
  plan::Selection selection;
  selection.cases = {options.which};
  selection.profiles = options.profiles;
  const auto plan = plan::make(*suite, selection, all_capabilities(*suite), "explain");
  if (!plan) return fail_with(plan.error());
  if (plan->cells.empty()) {
    std::cerr << "egressproof: '" << options.which << "' has no cell in these profiles\n";
    return run::exit_nothing_ran;
  }
  const scenario::Case* told = nullptr;
  std::string row;
  for (const plan::Cell& cell : plan->cells) {
    const run::FoundCase place = run::find_case(*suite, cell.scenario, cell.case_id);
    if (place.found != told) {
      if (told != nullptr) std::cout << '\n';
      write_case(*place.scenario, *place.found);
      told = place.found;
    }
    if (cell.scenario + "/" + cell.case_id == row) continue;
    row = cell.scenario + "/" + cell.case_id;
    write_row(*plan, *suite, cell);
  }
  return run::exit_matched;
}

}  // namespace

Verb add_explain(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("explain", "Show what a case sends, what each profile should do with it, and why");
  auto options = std::make_shared<ExplainOptions>();
  verb->add_option("CASE", options->which, "SCENARIO/CASE, or CASE");
  verb->add_option("PATHS", options->paths, "scenario files and folders; default: the folder 'scenarios'");
  add_profiles(*verb, options->profiles, "a column; may be repeated; default: all");
  verb->add_option("--markdown", options->markdown, "write a page for each scenario instead: CASE is left out")
      ->type_name("DIR");
  verb->footer(
      "Examples:\n"
      "  egressproof explain spoof/host-spoof-other-ip\n"
      "  egressproof explain host-spoof-other-ip --profile P4\n"
      "  egressproof explain --markdown docs/cases scenarios");
  return [options] { return explain(*options); };
}

}  // namespace egressproof::cli
