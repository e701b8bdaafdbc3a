// Where everything of a run stands in the cluster: namespaces, pods, ports and names. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/backend/backend.h"
#include "runner/backend/cluster/cluster.h"

namespace egressproof::backend::cluster {

inline constexpr const char* run_label = "egressproof.dev/run";      // value: the run's id
inline constexpr const char* probe_label = "egressproof.dev/probe";  // value: name_of(probe)
inline constexpr const char* targets_namespace = "egressproof-targets";
inline constexpr const char* knative_namespace = "knative-serving";
inline constexpr int activator_port = 8012;
inline constexpr int agent_port = 8080;        // of the workload's own probe, the port of its Knative Service
inline constexpr int uncaptured_port = 15020;  // of one in the proxy's place: istio-init's rules leave it out
inline constexpr int first_extra_port = 8100;  // of the agents of other identities in the pod
inline constexpr int inspection_port = 8081;   // of a target, on its loopback
inline constexpr int envoy_admin_port = 15000;

// One probe: a container of its profile's pod.
struct ProbePlace {
  std::string name;     // in World::attempt(): "P2", "P2@1337:1000", "P2+inject-false"
  std::string profile;  // "P2"
  std::string pod;      // the probe whose pod it is: "P2", "P2+inject-false"
  std::string ns;
  int port = agent_port;
  std::string port_share = "1/1";  // its part of the pod's local ports, as the probe's option takes it
  int uid = 1000, gid = 1000;
  bool meshed = false;                // its namespace is injected
  bool captured = false;              // its connections go through its pod's proxy
  bool knative = false;               // in a Knative Service, otherwise a Deployment
  scenario::PodTemplate tenant = {};  // of a pod of its own: what it has beside the workload's
  std::string workload = {};          // name of the workload, where several share the namespace; empty: alone there
  std::map<std::string, std::string> labels = {};          // of the workload's template
  std::map<std::string, std::string> service_labels = {};  // of its Knative Service alone
  std::string service_account = {};                        // of its pods; empty: the namespace's default
};

struct GatewayPlace {
  std::string name;  // in World::pod_addresses(): "P6.gateway"
  std::string ns;
};

struct Places {
  std::vector<ProbePlace> probes;  // those of the profiles, in order, then the extra ones
  std::vector<GatewayPlace> gateways;
  std::vector<std::string> others;  // namespaces that policies name, without pods of the run
};
// Error kind scenario: what the cluster cannot place.
Result<Places> place(const std::vector<scenario::Profile>& profiles, const std::vector<ExtraProbe>& extra,
                     Workload workload);

// "p2-1337-1000" of "P2@1337:1000": a DNS label.
std::string name_of(const std::string& probe);

// Of the Knative Service or Deployment with this probe as its own.
std::string object_name(const ProbePlace& own);

// "target-wild-a"
std::string target_pod(const std::string& fixture);

}  // namespace egressproof::backend::cluster
