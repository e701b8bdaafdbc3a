// Which backend carries a run out, from the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "runner/backend/backend.h"
#include "runner/cli/kind.h"

namespace egressproof::cli {

struct WorldOptions {
  std::string backend = "lab";
  std::string fake_file;  // faults of the fake world
  std::string toolchain;  // folder of lab-istiod, pilot-agent, envoy; empty: the default
  // Of the cluster: kubectl's program, file and context; empty: its own choice.
  std::string kubectl = "kubectl", kubeconfig, context;
  std::string image;  // of probe and target, as the nodes can pull it
  std::string istio_namespace = "istio-system", istio_revision;
  std::string workload = "knative";  // or "deployment"
  std::string dns = "stub-domain";   // or "existing"
  int agents = 1;                    // pods a profile
  bool check_network_policy = true;  // whether a profile of the run has one
  int pods_at_once = -1;             // see pods_at_once()
  KindOptions kind;                  // of --backend kind
};

// "kind.local/egressproof:VERSION": Knative asks no registry about names that begin with kind.local/.
std::string default_image();
std::string default_runner_image();

// --backend and what goes with each.
void add_world_options(CLI::App& app, WorldOptions& options);

// run::Options::pods_at_once: as given, else what a cluster of few processors holds; the lab has all at once.
std::size_t pods_at_once(const WorldOptions& options);

// $EGRESSPROOF_TOOLCHAIN, else egressproof/istio-VERSION in $XDG_CACHE_HOME or ~/.cache.
std::string default_toolchain();

// Error kind usage: options that do not fit together, a fault file that cannot be read. --backend kind brings its
// cluster up; error kind environment if that fails.
Result<std::unique_ptr<backend::Backend>> make_backend(const WorldOptions& options, const std::string& run_id);

}  // namespace egressproof::cli
