#include <memory>

#include "runner/cli/carry_out.h"
#include "runner/cli/verbs.h"

namespace egressproof::cli {

Verb add_repro(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("repro", "Repeat one case with its control; show each witness and the curl line");
  auto options = std::make_shared<RunOptions>();
  auto which = std::make_shared<std::string>();
  verb->add_option("CASE", *which, "SCENARIO/CASE, or CASE")->required();
  verb->add_option("PATHS", options->paths, "scenario files and folders; default: the folder 'scenarios'");
  verb->add_option("--profile", options->selection.profiles, "a column; may be repeated; default: all of the case")
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("NAME")
      ->group("Selection");
  add_world_options(*verb, options->world);
  add_run_options(*verb, *options);
  verb->footer(
      "Examples:\n"
      "  egressproof repro spoof/host-spoof-other-ip\n"
      "  egressproof repro spoof/lookalike-names.prefix --profile P3\n"
      "  egressproof repro spoof/sni-spoof-other-ip --profile P4 --keep");
  return [options, which] {
    options->selection.cases = {*which};
    options->verbose = true;
    return carry_out(*options);
  };
}

}  // namespace egressproof::cli
