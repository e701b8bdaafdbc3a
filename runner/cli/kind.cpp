#include "runner/cli/kind.h"

#include <memory>

#include "runner/cli/kind_verbs.h"
#include "runner/cli/verbs.h"

namespace egressproof::cli {

void add_kind_options(CLI::App& app, KindOptions& options) {
  app.add_option("--kind-settings", options.settings, "settings over kind/versions.yaml; may be repeated")
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("FILE")
      ->group("Kind");
  app.add_option("--set", options.assignments, "one setting, e.g. istio.tag=1.31.0; may be repeated")
      ->allow_extra_args(false)
      ->take_all()
      ->type_name("KEY=VALUE")
      ->group("Kind");
  app.add_option("--name", options.name, "of the kind cluster (cluster.name)")->type_name("NAME")->group("Kind");
  app.add_option("--kind-folder", options.folder, "folder of versions.yaml; default: 'kind'")
      ->type_name("DIR")
      ->group("Kind");
}

Verb add_kind(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("kind", "A kind cluster with Istio and Knative: bring it up, look at it, end it");
  verb->require_subcommand(1);
  auto options = std::make_shared<KindOptions>();
  CLI::App* up = verb->add_subcommand("up", "Make what is missing, wait until all is ready; the cluster stays");
  CLI::App* status = verb->add_subcommand("status", "Tell what is there and what is missing; changes nothing");
  CLI::App* down = verb->add_subcommand("down", "Delete the cluster");
  CLI::App* diagnose =
      verb->add_subcommand("diagnose", "Write logs, events, objects and proxies' configuration to a folder");
  for (CLI::App* one : {up, status, down, diagnose}) {
    add_kind_options(*one, *options);
    one->add_option("--toolchain", options->toolchain, "folder of kubectl and istioctl where PATH has none")
        ->type_name("DIR")
        ->group("Kind");
  }
  up->add_flag("-q,--quiet", options->quiet, "no progress");
  down->add_flag("--force", options->force, "a cluster that 'kind up' did not make, too");
  diagnose->add_option("--out", options->out, "the folder; default: in the cluster's state folder")->type_name("DIR");
  verb->footer(
      "Exit codes: 0 all is there (status) or done, 2 usage, 3 something is missing or failed, 130/143 interrupted\n"
      "Examples:\n"
      "  egressproof kind up\n"
      "  egressproof kind up --kind-settings kind/offline.yaml --set cluster.name=second\n"
      "  egressproof kind status\n"
      "  egressproof kind down");
  return [options, up, status, down, diagnose] {
    if (up->parsed()) return kind_up(*options);
    if (status->parsed()) return kind_status(*options);
    if (down->parsed()) return kind_down(*options);
    return diagnose->parsed() ? kind_diagnose(*options) : 0;
  };
}

}  // namespace egressproof::cli
