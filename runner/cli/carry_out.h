// What `run` and `repro` have in common: from the command line to reports on every way out.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "runner/cli/report_files.h"
#include "runner/cli/worlds.h"
#include "runner/plan/plan.h"

namespace egressproof::cli {

struct RunOptions {
  std::vector<std::string> paths;
  plan::Selection selection;
  WorldOptions world;
  ReportFiles files;
  std::string colour = "auto";
  std::string seed;              // empty: random
  int enforcement_seconds = 10;  // how long a policy may take to be in force
  int deadline_seconds = 0;      // of the whole run; 0: none
  bool keep = false, verbose = false, quiet = false;
};

// Those of add_report_files, --colour, --keep, --seed, --verbose, --quiet, --in-force-within, --deadline.
void add_run_options(CLI::App& app, RunOptions& options);

// The exit code. The text report goes to standard output.
int carry_out(const RunOptions& options);

}  // namespace egressproof::cli
