#include <memory>

#include "runner/cli/lab_runs.h"
#include "runner/cli/lab_up.h"
#include "runner/cli/verbs.h"

namespace egressproof::cli {

Verb add_lab(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("lab", "Bring a lab up to look around in it, show labs, end them");
  verb->require_subcommand(1);
  auto options = std::make_shared<UpOptions>();
  CLI::App* up = verb->add_subcommand("up", "Apply all policies, wait until they are in force, stay until interrupted");
  add_up_options(*up, *options);
  CLI::App* status = verb->add_subcommand("status", "Show live labs and runs, and how to enter their pods");
  CLI::App* down = verb->add_subcommand("down", "End labs and remove what dead runs left");
  auto which = std::make_shared<DownOptions>();
  down->add_option("RUN", which->run_ids, "run ids as 'lab status' shows them; default: all labs that are up");
  down->add_flag("--all", which->all, "runs in progress and folders that were kept, too");
  verb->footer(
      "Examples:\n"
      "  egressproof lab up --profile P3 --profile P4\n"
      "  egressproof lab up --detach && egressproof lab status\n"
      "  egressproof lab down");
  return [options, which, up, status, down] {
    if (up->parsed()) return lab_up(*options);
    if (status->parsed()) return lab_status();
    return down->parsed() ? lab_down(*which) : 0;
  };
}

}  // namespace egressproof::cli
