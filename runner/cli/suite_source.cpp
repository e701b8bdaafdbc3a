#include "runner/cli/suite_source.h"

#include <filesystem>
#include <iostream>

#include "runner/cli/terminal.h"
#include "runner/scenario/loader.h"

namespace egressproof::cli {
namespace {

namespace fs = std::filesystem;

bool holds_scenarios(const fs::path& folder) {
  std::error_code code;
  return fs::is_regular_file(folder / "fixtures.yaml", code) || fs::is_regular_file(folder / "profiles.yaml", code);
}

}  // namespace

std::string program_folder() {
  std::error_code code;
  const fs::path self = fs::read_symlink("/proc/self/exe", code);
  return code ? fs::current_path(code).string() : self.parent_path().string();
}

Result<std::vector<std::string>> scenario_paths(const std::vector<std::string>& given) {
  if (!given.empty()) return given;
  const fs::path program = program_folder();
  std::vector<fs::path> candidates = {"scenarios", program / "../share/egressproof/scenarios"};
  for (fs::path above = program; above.has_relative_path(); above = above.parent_path())
    candidates.push_back(above / "scenarios");
  for (const fs::path& candidate : candidates) {
    if (!holds_scenarios(candidate)) continue;
    const std::string found = candidate.lexically_normal().string();
    std::cerr << "scenarios: " << found << '\n';
    return std::vector<std::string>{found};
  }
  return fail(
      ErrorKind::usage,
      "no folder 'scenarios' here or beside the program: name the files or folders with the scenarios, or --policies");
}

Result<scenario::Suite> load_suite(const std::vector<std::string>& given) {
  const auto paths = scenario_paths(given);
  if (!paths) return tl::unexpected(paths.error());
  scenario::Loaded loaded = scenario::load(*paths);
  if (loaded.diagnostics.empty()) return std::move(loaded.suite);
  for (const Diagnostic& diagnostic : loaded.diagnostics) std::cerr << scenario::render(diagnostic) << '\n';
  const std::size_t count = loaded.diagnostics.size();
  return fail(ErrorKind::scenario, std::to_string(count) + (count == 1 ? " error" : " errors") + " in scenario files");
}

namespace {

CLI::Option* repeatable(CLI::Option* option) { return option->allow_extra_args(false)->take_all(); }
CLI::Option* names(CLI::Option* option, const char* type) {
  return repeatable(option)->delimiter(',')->type_name(type);
}

}  // namespace

CLI::Option* add_profiles(CLI::App& app, std::vector<std::string>& profiles, const std::string& description) {
  return names(app.add_option("--profile", profiles, description), "NAME");
}

void add_selection(CLI::App& app, plan::Selection& selection) {
  constexpr const char* group = "Selection";
  repeatable(app.add_option("--case,--filter", selection.cases, "glob over SCENARIO/CASE, or CASE; may be repeated"))
      ->type_name("GLOB")
      ->group(group);
  add_profiles(app, selection.profiles, "a column; may be repeated, also as A,B")->group(group);
  names(app.add_option("--scenario", selection.scenarios, "all its cases; may be repeated"), "NAME")->group(group);
  names(app.add_option("--tag", selection.tags, "cases with the tag; may be repeated"), "TAG")->group(group);
}

plan::Capabilities all_capabilities(const scenario::Suite& suite) {
  plan::Capabilities all;
  for (const scenario::Scenario& scenario : suite.scenarios)
    for (const scenario::Case& one : scenario.cases) all.features.insert(one.needs.begin(), one.needs.end());
  return all;
}

}  // namespace egressproof::cli
