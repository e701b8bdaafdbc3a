// What the run creates in the cluster, as Kubernetes objects. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "runner/backend/backend.h"
#include "runner/backend/cluster/cluster.h"
#include "target/codec.h"

namespace egressproof::backend::cluster {

inline constexpr const char* run_label = "egressproof.dev/run";      // value: the run's id
inline constexpr const char* probe_label = "egressproof.dev/probe";  // value: name_of(probe)
inline constexpr const char* targets_namespace = "egressproof-targets";
inline constexpr const char* knative_namespace = "knative-serving";
inline constexpr int activator_port = 8012;
inline constexpr int agent_port = 8080;        // of the workload's own probe, the port of its Knative Service
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
// The service accounts that workloads and pods of cases name, each once; without any rights.
std::vector<Json> account_objects(const std::vector<ProbePlace>& probes, const Common& common);
// The namespace's copy of the fixtures' CA and of the agents' key.
std::vector<Json> shared_objects(const std::string& ns, const Common& common);
// Deployment and Service of an egress gateway, by Istio's own injection template "gateway". The fixtures' CA plays the
// trust store of its system.
std::vector<Json> gateway_objects(const GatewayPlace& gateway, const Common& common);

// Of the Knative Service or Deployment with this probe as its own.
std::string object_name(const ProbePlace& own);

// "target-wild-a"
std::string target_pod(const std::string& fixture);
// One pod for one fixture, or for the DNS authority (`name` "dns"). `config`: its addresses are 0.0.0.0, which the
// pod's own replaces; journal, CA files and inspection port are set here.
std::vector<Json> target_objects(const std::string& name, target::Config config, const Common& common);

// The TCP ports that attempts of the suite dial at a fixture with every port: a pod has no rule that redirects all.
std::vector<std::uint16_t> dialled_ports(const scenario::Suite& suite, const scenario::Fixture& fixture);

}  // namespace egressproof::backend::cluster
