#include <iostream>
#include <memory>

#include "runner/cli/exit_code.h"
#include "runner/cli/policies.h"
#include "runner/cli/run_series.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/verbs.h"

namespace egressproof::cli {
namespace {

// The suite is drafted from the user's manifests, and the answer names their lines.
int run_policies(const RunOptions& options, const SeriesOptions& series, const PoliciesOptions& policies) {
  if (!options.paths.empty())
    return fail_with({ErrorKind::usage, "--policies drafts a suite of its own: give no scenario files beside it", {}});
  const auto drafted = draft_policies(policies, "");
  if (!drafted) return fail_with(drafted.error());
  write_asides(*drafted, std::cerr);
  SeriesSource source;
  source.load = [&] { return load_draft(*drafted); };
  source.after = [&](const report::Report& report) {
    if (!options.quiet) write_findings(report, *drafted, policies, std::cout);
  };
  return run_series(options, series, source);
}

}  // namespace

Verb add_run(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("run", "Carry the suite out and show the matrix");
  auto options = std::make_shared<RunOptions>();
  auto series = std::make_shared<SeriesOptions>();
  auto policies = std::make_shared<PoliciesOptions>();
  verb->add_option("PATHS", options->paths, "scenario files and folders; default: the folder 'scenarios'");
  add_policies_options(*verb, *policies, true);
  add_selection(*verb, options->selection);
  add_series_options(*verb, *series, *options);
  add_world_options(*verb, options->world);
  add_run_options(*verb, *options);
  verb->footer(
      "Exit codes: 0 matched, 1 mismatch, 2 usage, 3 environment, 4 inconclusive, 5 nothing ran, 130 or 143 "
      "interrupted\n"
      "Examples:\n"
      "  egressproof run --json report.json --junit report.xml my-scenarios/\n"
      "  egressproof run --filter 'spoof/*' --profile P3 --profile P4\n"
      "  egressproof run --policies deploy/ --sarif findings.sarif");
  return [options, series, policies] {
    if (!policies->policies.empty()) return run_policies(*options, *series, *policies);
    if (!policies->matrix.empty()) return fail_with({ErrorKind::usage, "--matrix goes with --policies", {}});
    return run_series(*options, *series);
  };
}

}  // namespace egressproof::cli
