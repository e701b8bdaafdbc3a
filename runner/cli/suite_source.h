// Where scenario files come from.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "runner/plan/plan.h"
#include "runner/scenario/scenario.h"

namespace egressproof::cli {

// PATHS as given; none: the folder "scenarios" of the working directory, of the installation (../share/egressproof
// beside the program), or of a folder above the program (a build tree). Error kind usage: none has it.
Result<std::vector<std::string>> scenario_paths(const std::vector<std::string>& given);

// The folder that holds this program.
std::string program_folder();

// Loads and checks; all diagnostics go to standard error, with source lines. Error kind scenario: there were some.
Result<scenario::Suite> load_suite(const std::vector<std::string>& given);

// The options --case, --profile, --scenario, --tag.
void add_selection(CLI::App& app, plan::Selection& selection);

// The option --profile, wherever it stands: repeated, or several in one with commas.
CLI::Option* add_profiles(CLI::App& app, std::vector<std::string>& profiles, const std::string& description);

// All that any case needs: for plans that nothing will carry out.
plan::Capabilities all_capabilities(const scenario::Suite& suite);

}  // namespace egressproof::cli
