// The run's pods as the API server tells them. Pure, but for the call that asks.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/backend/cluster/kubectl.h"

namespace egressproof::backend::cluster {

struct Pod {
  std::string ns, name, node;
  std::string probe;    // value of probe_label; empty: not of a probe or gateway
  std::string address;  // IPv4 or IPv6; empty: none yet
  bool running = false;
  bool ready = false;
  bool proxied = false;    // has Istio's proxy, as a container or a native sidecar
  bool ending = false;     // its deletion was asked for
  bool stillborn = false;  // is over, and the runtime could not start any of its containers: nothing ever ran
  std::string trouble;     // "container probe: ErrImagePull (...)"; empty: none
  int restarts = 0;        // of all its containers
};

std::vector<Pod> parse_pods(const Json& list);
// All of the run, in all namespaces; those of a Knative revision too.
Result<std::vector<Pod>> pods_of_run(const Kubectl& kubectl, const std::string& run_id);

// "waiting for pod tenant-p2/probe-...: Pending, container probe: ErrImagePull".
std::string describe(const Pod& pod);

}  // namespace egressproof::backend::cluster
