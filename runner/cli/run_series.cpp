#include "runner/cli/run_series.h"

#include <algorithm>
#include <iostream>
#include <limits>
#include <optional>

#include "runner/cli/exit_code.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/series.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/terminal.h"
#include "runner/report/outcome.h"

namespace egressproof::cli {
namespace {

struct Length {
  int runs = 1;
  bool until_failure = false;  // the first run that does not end with 0 is the last
};

Result<Length> length_of(const RunOptions& options, const SeriesOptions& series) {
  if (series.until_failure.empty()) return Length{series.repeat, options.fail_fast};
  int limit = -1;
  try {
    std::size_t end = 0;
    limit = std::stoi(series.until_failure, &end);
    if (end != series.until_failure.size()) limit = -1;
  } catch (const std::exception&) {
    limit = -1;
  }
  if (limit < 0)
    return fail(ErrorKind::usage, "--until-failure wants a number of runs, not '" + series.until_failure + "'");
  if (series.repeat > 1) return fail(ErrorKind::usage, "--until-failure and --repeat do not go together");
  return Length{limit == 0 ? std::numeric_limits<int>::max() : limit, true};
}

Result<Narrowing> narrowing_of(const SeriesOptions& series) {
  Narrowing narrowing;
  if (!series.shard.empty()) {
    const auto shard = shard_from(series.shard);
    if (!shard) return tl::unexpected(shard.error());
    narrowing.shard = *shard;
  }
  if (series.rerun_failed.empty()) return narrowing;
  const auto report = load_report(series.rerun_failed);
  if (!report) return tl::unexpected(report.error());
  narrowing.only = not_passed(*report);
  if (narrowing.only->empty())
    complain("every cell of '" + series.rerun_failed + "' passed" +
             (report->aborted.empty() ? "" : ", as far as it got: " + report->aborted));
  return narrowing;
}

// What a report names and the suite has no more must not vanish without a word.
void tell_missing(const scenario::Suite& suite, const Narrowing& narrowing) {
  if (!narrowing.only) return;
  const auto plan = plan::make(suite, {}, all_capabilities(suite), "check");
  if (!plan) return;
  for (const CellName& cell : missing_from(*plan, *narrowing.only))
    complain("the suite has no cell " + to_string(cell) + " any more");
}

void tell_run(int number, const Length& length, const report::Report& report) {
  std::cout << "run " << number;
  if (length.runs != std::numeric_limits<int>::max()) std::cout << " of " << length.runs;
  std::cout << ": " << report::totals_text(report) << " (exit code " << report.exit_code << ")" << std::endl;
}

void tell_series(const Series& series) {
  const auto flaky = series.flaky();
  std::cout << '\n' << series.runs() << (series.runs() == 1 ? " run" : " runs") << ", ";
  if (flaky.empty()) std::cout << "every cell the same each time\n";
  if (!flaky.empty()) std::cout << "FLAKY, not the same each time:\n";
  for (const Flaky& one : flaky) std::cout << "  " << to_string(one) << '\n';
}

}  // namespace

void add_series_options(CLI::App& app, SeriesOptions& series, RunOptions& options) {
  app.add_option("--rerun-failed", series.rerun_failed, "the cells that did not pass in this JSON report")
      ->type_name("FILE")
      ->group("Selection");
  app.add_option("--shard", series.shard, "part I of N, by case")->type_name("I/N")->group("Selection");
  app.add_option("--repeat", series.repeat, "runs; cells that change are told as flaky (exit code 4)")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000).description(""))
      ->group("Series");
  app.add_flag("--until-failure{0}", series.until_failure, "runs until one does not end with 0, at most N")
      ->group("Series");
  app.add_flag("--fail-fast", options.fail_fast, "stop at a failed control, and a series at its first failure")
      ->group("Series");
}

int run_series(const RunOptions& options, const SeriesOptions& asked, const SeriesSource& source) {
  catch_interrupts();
  const auto length = length_of(options, asked);
  if (!length) return fail_with(length.error());
  const auto narrowing = narrowing_of(asked);
  if (!narrowing) return fail_with(narrowing.error());
  const auto suite = source.load ? source.load() : load_suite(options.paths);
  if (!suite) return fail_with(suite.error());
  if (auto right = check_selection(*suite, options); !right) return fail_with(right.error());
  tell_missing(*suite, *narrowing);
  // One seed for all: what changes from run to run is not the input.
  const std::string seed = seed_of(options);
  const bool many = length->runs > 1;
  Series series;
  std::optional<report::Report> shown;
  for (int number = 1; number <= length->runs && interrupted() == 0; ++number) {
    Hooks hooks;
    if (many) hooks.progress_before = "run " + std::to_string(number) + ", ";
    auto report = carry_out_once(*suite, options, seed, *narrowing, hooks);
    if (!report) return fail_with(report.error());
    series.add(*report);
    if (many && !options.quiet) tell_run(number, *length, *report);
    const int code = report->exit_code;
    if (!shown || shown->exit_code == 0) shown = std::move(*report);
    if (code != 0 && length->until_failure) break;
    // Whatever keeps a run from its cells keeps the next from them too.
    if (code != run::exit_matched && code != run::exit_mismatch && code != run::exit_inconclusive) break;
  }
  if (!shown) return run::exit_signal_base + interrupted();
  const int finished = finish(*shown, options);
  if (source.after) source.after(*shown);
  if (!many) return finished;
  if (!options.quiet) tell_series(series);
  return finished == shown->exit_code ? series.exit_code() : finished;
}

}  // namespace egressproof::cli
