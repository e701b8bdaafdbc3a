// Configuration texts of the lab's control plane and proxies. Pure; reasons are in docs/lab.md.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "runner/backend/lab/topology.h"

namespace egressproof::backend::lab {

// MeshConfig; `bump` is the barrier's knob: any change of it makes istiod push everything to every proxy.
std::string mesh_config(int bump);
std::map<std::string, std::string> istiod_environment();

struct SidecarFiles {
  std::filesystem::path agent, envoy, bootstrap_template;
};
std::vector<std::string> agent_arguments(const PodPlace& pod, const SidecarFiles& files);
std::map<std::string, std::string> agent_environment(const PodPlace& pod, const SidecarFiles& files);
// The mesh configuration as the injector reads it: the lab's proxies are configured by the manifest of their pod.
std::string injection_mesh_config(const SidecarFiles& files);
// Of an injected istio-proxy container: what the proxy's image brings, and how the lab's barrier takes pushes.
std::map<std::string, std::string> image_environment(const SidecarFiles& files);
// As the injector's istio-init container calls it.
std::vector<std::string> capture_arguments(const SidecarFiles& files);

// What the Kubernetes Service of each egress gateway is to istiod in a cluster: a ServiceEntry in the gateway's
// namespace, with the chart's ports and target ports, and a ClusterIP.
std::string gateway_manifests(const std::vector<PodPlace>& pods);
// The same for fixtures in pods: what the private Service of a Knative revision is, with the pod's address in place of
// a ClusterIP. Its endpoint speaks mutual TLS, as that of every pod with a sidecar.
std::string service_manifests(const std::vector<PodPlace>& pods);

// The Services of istio-system that an installation has (kind/istio.yaml): nobody is behind them here, but a Sidecar
// that sees them has an HTTP listener on port 80, which decides what becomes of everything else on that port.
std::string platform_manifests(const std::vector<PodPlace>& pods);

}  // namespace egressproof::backend::lab
