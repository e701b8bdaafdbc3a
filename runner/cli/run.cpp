#include <memory>

#include "runner/cli/carry_out.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/verbs.h"

namespace egressproof::cli {

Verb add_run(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("run", "Carry the suite out and show the matrix");
  auto options = std::make_shared<RunOptions>();
  verb->add_option("PATHS", options->paths, "scenario files and folders; default: the folder 'scenarios'");
  add_selection(*verb, options->selection);
  add_world_options(*verb, options->world);
  add_run_options(*verb, *options);
  verb->footer(
      "Exit codes: 0 matched, 1 mismatch, 2 usage, 3 environment, 4 inconclusive, 5 nothing ran, 130 or 143 "
      "interrupted\n"
      "Examples:\n"
      "  egressproof run\n"
      "  egressproof run --case 'spoof/*' --profile P3 --profile P4\n"
      "  egressproof run --json report.json --junit report.xml my-scenarios/");
  return [options] { return carry_out(*options); };
}

}  // namespace egressproof::cli
