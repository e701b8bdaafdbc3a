// The cluster backend: the probe in Knative Service pods, the fixtures as pods outside the mesh, policies through the
// Kubernetes API. `kind` and a user's own cluster differ by their settings alone.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "runner/backend/backend.h"

namespace egressproof::backend::cluster {

// What runs the probe of a meshed profile.
enum class Workload { knative, deployment };

// How pods come to resolve the suite's zones.
enum class Dns {
  stub_domain,  // a server block of our own in CoreDNS, taken away afterwards
  existing      // somebody else forwards the zones to the target "dns"; see docs/kind.md
};

struct WorldSettings {
  std::string name = "cluster";      // of the backend: "kind", "cluster"
  std::filesystem::path kubectl;     // the program
  std::filesystem::path kubeconfig;  // empty: kubectl's own choice
  std::string context;               // empty: the current one
  std::string image;                 // of probe and target, as the nodes can pull it
  std::string run_id;                // label of everything that the run makes
  std::string istio_namespace = "istio-system";
  std::string istio_revision;  // label istio.io/rev of injected namespaces; empty: istio-injection=enabled
  Workload workload = Workload::knative;
  int agents = 1;                     // pods a profile, spread over the nodes; each gets its share of every batch
  bool check_network_policy = false;  // detect() tries whether a deny-all NetworkPolicy blocks
  Dns dns = Dns::stub_domain;
  // Nobody else marks the ingresses of Knative Services ready: the world does, while it is open.
  bool ingress_stand_in = false;
  std::filesystem::path work_folder;  // for logs; made
  std::function<int()> interrupted;   // the signal that asks for an early end, or 0; polled while the world comes up
};

std::unique_ptr<Backend> make(const WorldSettings& settings);

}  // namespace egressproof::backend::cluster
