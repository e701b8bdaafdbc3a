// What the command line leaves open: environment, then the settings file, then the options' own defaults.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace egressproof::cli {

inline constexpr const char* default_settings_file = "egressproof.yaml";

// --config for every verb that does something.
void add_config_option(CLI::App& root, std::string& file);

// The key of an option in the file, "in-force-within"; empty: it cannot stand there (--help, CASE).
std::string settings_key(const CLI::Option& option);
// "EGRESSPROOF_IN_FORCE_WITHIN"; empty: none.
std::string settings_variable(const CLI::Option& option);

// After parsing. `given`: of --config; empty: $EGRESSPROOF_CONFIG, else egressproof.yaml of the working directory if it
// is there. A map of options; the name of a verb holds a map of options for that verb alone, which go before. All
// mistakes of the file go to standard error with their places. Error kind usage: there were some, a file that cannot be
// read, or a value that an option refuses.
Result<void> apply_settings(CLI::App& root, const std::string& given,
                            const std::map<std::string, std::string>& environment);

}  // namespace egressproof::cli
