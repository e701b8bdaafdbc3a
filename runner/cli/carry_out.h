// What `run` and `repro` have in common: from the command line to reports on every way out.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "runner/cli/narrowing.h"
#include "runner/cli/report_files.h"
#include "runner/cli/worlds.h"
#include "runner/plan/plan.h"
#include "runner/run/pipeline.h"

namespace egressproof::cli {

struct RunOptions {
  std::vector<std::string> paths;
  plan::Selection selection;
  WorldOptions world;
  ReportFiles files;
  std::string colour = "auto";
  std::string seed;              // empty: random
  int enforcement_seconds = 10;  // how long a policy may take to be in force
  int deadline_seconds = 0;      // of one whole run; 0: none
  bool keep = false, verbose = false, quiet = false, fail_fast = false;
};

// Those of add_report_files, --colour, --keep, --seed, --verbose, --quiet, --in-force-within, --deadline.
void add_run_options(CLI::App& app, RunOptions& options);

// Called during a run, beside the progress; each may be empty.
struct Hooks {
  std::function<void(backend::World&)> on_world;
  std::function<void(run::Phase)> on_phase;
  std::string progress_before;  // before each line of progress: "run 2 of 5, "
};

// Before anything is tried: a mistyped name must not cost a start of the world. Error kinds usage and scenario.
Result<void> check_selection(const scenario::Suite& suite, const RunOptions& options);

// One run in a world of its own. A run that failed is a report too; an Error (kind usage, scenario, environment) means
// that there is nothing to report on.
Result<report::Report> carry_out_once(const scenario::Suite& suite, const RunOptions& options, const std::string& seed,
                                      const Narrowing& narrowing, const Hooks& hooks);

// The text report on standard output, the files, and the exit code.
int finish(const report::Report& report, const RunOptions& options);

// options.seed, or a random one.
std::string seed_of(const RunOptions& options);

}  // namespace egressproof::cli
