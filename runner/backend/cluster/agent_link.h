// Batches to probes that are agents in pods (probe/agent.h), over HTTP.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "probe/codec.h"

namespace egressproof::backend::cluster {

// How an agent is reached. `fields`: added to each request; what Knative's activator needs to know whom it is for.
struct AgentUrl {
  std::string base;                      // "http://127.0.0.1:41234"
  std::vector<std::string> fields = {};  // "Knative-Serving-Namespace: tenant-p2"
};

// What the run's agents were started with.
struct AgentAccess {
  std::string run_id;
  std::string key;
};

// Until every agent answers 200 to GET /healthz. `urls`: probe -> "http://127.0.0.1:41234", without a path. Errors:
// kind environment, naming each probe that is not ready and what was last heard of it.
Result<void> wait_ready(const std::map<std::string, std::string>& urls, std::chrono::milliseconds limit);

// Runs one batch in each of several probes at once; `batches` by probe, each within the agent's limits (agent.h). What
// does not come whole and signed is no evidence: after an HTTP error, a cut stream or a wrong signature, errors stand
// in the probe's BatchResult and no observations. An agent that is busy with another batch, and a connection that is
// refused, are tried again until `limit` is over.
std::map<std::string, probe::BatchResult> exchange(const AgentAccess& access,
                                                   const std::map<std::string, AgentUrl>& urls,
                                                   const std::map<std::string, std::vector<probe::Attempt>>& batches,
                                                   const std::string& batch_name, int parallel,
                                                   std::chrono::milliseconds limit);

}  // namespace egressproof::backend::cluster
