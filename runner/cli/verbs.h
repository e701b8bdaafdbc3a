// One file a verb. Each adds its subcommand to the parser and returns what runs it; that returns the exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace egressproof::cli {

using Verb = std::function<int()>;

Verb add_run(CLI::App& app);
Verb add_init(CLI::App& app);
Verb add_list(CLI::App& app);
Verb add_validate(CLI::App& app);
Verb add_explain(CLI::App& app);
Verb add_repro(CLI::App& app);
Verb add_lab(CLI::App& app);
Verb add_kind(CLI::App& app);
Verb add_report(CLI::App& app);
Verb add_diff(CLI::App& app);
Verb add_image(CLI::App& app);
Verb add_rights(CLI::App& app);
Verb add_version(CLI::App& app);
Verb add_completion(CLI::App& app);
Verb add_man(CLI::App& app);

// All versions under test, one a line; what `version` and --version tell.
std::string versions_text();

// Parses and runs. Never throws.
int run_program(int argc, const char* const* argv);

}  // namespace egressproof::cli
