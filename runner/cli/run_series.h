// `run`: one run, or several of the same.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "runner/cli/carry_out.h"

namespace egressproof::cli {

struct SeriesOptions {
  std::string rerun_failed;   // a JSON report; empty: all that is selected
  std::string shard;          // "I/N"; empty: all
  int repeat = 1;             // runs at most
  std::string until_failure;  // "": not asked for; "0": no limit; else the most runs
};

// --rerun-failed, --shard, --repeat, --until-failure, --fail-fast.
void add_series_options(CLI::App& app, SeriesOptions& series, RunOptions& options);

// Where the suite comes from, and what is told of the report besides the text report. Either may be empty: the
// scenario files of options.paths, and nothing.
struct SeriesSource {
  std::function<Result<scenario::Suite>()> load;
  std::function<void(const report::Report&)> after;
};

// The exit code. Reports are those of the first run that did not end with 0, else of the last.
int run_series(const RunOptions& options, const SeriesOptions& series, const SeriesSource& source = {});

}  // namespace egressproof::cli
