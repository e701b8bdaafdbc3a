// Pods of cases as Istio's own injector makes them: `istioctl kube-inject` with the chart's template and values. What
// the lab builds of such a pod comes from the injected manifest, read here as a kubelet reads it. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "runner/backend/lab/topology.h"

namespace egressproof::backend::lab {

// Of the ConfigMap "istio-sidecar-injector" of Istio's chart.
struct InjectionTemplate {
  std::string config;  // --injectConfigFile
  std::string values;  // --valuesFile
};

// `manifests`: the output of `istioctl manifest generate`. Error kind environment: it has no such ConfigMap.
Result<InjectionTemplate> injection_template(const std::string& manifests);

// What a tenant would apply: the workload's pod with the case's labels, annotations and container.
Json pod_manifest(const PodPlace& pod);

// One container of the proxy's image, ready to run.
struct Container {
  std::string name;
  std::vector<std::string> arguments;  // of pilot-agent, the entry point of the image
  std::map<std::string, std::string> environment;
  int uid = 0, gid = 0;
  std::vector<std::string> capabilities;  // these and no others
};

struct InjectedPod {
  std::map<std::string, std::string> labels, annotations;
  std::vector<Container> init;     // run to their ends, in order, before all others
  std::optional<Container> proxy;  // istio-proxy; absent: the pod has no sidecar
  // The tenant's containers start only once the proxy is ready: it is a native sidecar, or holds them.
  bool proxy_first = false;
};

// `pod`: a Pod as kube-inject wrote it; `place` gives what the kubelet fills in. Error kind scenario: something that
// the lab cannot run as written, such as another image or program.
Result<InjectedPod> read_injected(const Json& pod, const PodPlace& place);

// A file of the volume istio-podinfo, in the format of the downward API.
std::string downward_file(const std::map<std::string, std::string>& entries);

}  // namespace egressproof::backend::lab
