// `lab up`: a world that stays until it is interrupted.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "runner/cli/worlds.h"

namespace egressproof::cli {

struct UpOptions {
  std::vector<std::string> paths, profiles;
  WorldOptions world;
  bool detach = false, quiet = false;
};

void add_up_options(CLI::App& app, UpOptions& options);

// The exit code: 0 once the world was up and was ended by SIGINT or SIGTERM.
int lab_up(const UpOptions& options);

// In the work folder of a world that is up: what `lab status` shows.
inline constexpr const char* state_file = "lab.json";

}  // namespace egressproof::cli
