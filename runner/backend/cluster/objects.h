// What the run creates in the cluster, as Kubernetes objects. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "runner/backend/cluster/places.h"
#include "target/codec.h"

namespace egressproof::backend::cluster {

// What every pod of the run shares.
struct Common {
  std::string run_id, image;
  std::string istio_revision;
  std::string agent_key;  // hex; signs batches
  std::string ca;         // PEM of the fixtures' CA
  std::string ca_key;     // PEM; for the targets alone
  int agents = 1;         // pods of each profile's workload
};

Json namespace_object(const std::string& ns, bool injected, const Common& common);
// The workload with all probes of one profile, its own first. Its pod has the labels run_label and probe_label.
Json probe_object(const std::vector<ProbePlace>& probes, const Common& common);
// What `kubectl debug` would add to the pod of the probe's workload, for the probe's own identity.
Json ephemeral_container(const ProbePlace& probe, const Common& common);
// A pod whose init container reads `batch` (the probe's lines) and writes what it saw to its log; and what holds them.
inline constexpr const char* init_container = "before";
std::vector<Json> init_pod_objects(const ProbePlace& probe, const std::string& batch, const Common& common);
// The service accounts that workloads and pods of cases name, each once; without any rights.
std::vector<Json> account_objects(const std::vector<ProbePlace>& probes, const Common& common);
// The namespace's copy of the fixtures' CA and of the agents' key.
std::vector<Json> shared_objects(const std::string& ns, const Common& common);
// Deployment and Service of an egress gateway, by Istio's own injection template "gateway". The fixtures' CA plays the
// trust store of its system.
std::vector<Json> gateway_objects(const GatewayPlace& gateway, const Common& common);

// One pod for one fixture, or for the DNS authority (`name` "dns"). `config`: its addresses are 0.0.0.0, which the
// pod's own replaces; journal, CA files and inspection port are set here. The pod is the last of them.
std::vector<Json> target_objects(const std::string& name, target::Config config, const Common& common);

// The TCP ports that attempts of the suite dial at a fixture with every port: a pod has no rule that redirects all.
std::vector<std::uint16_t> dialled_ports(const scenario::Suite& suite, const scenario::Fixture& fixture);

}  // namespace egressproof::backend::cluster
