#include "runner/backend/cluster/pods.h"

#include "runner/backend/cluster/objects.h"

namespace egressproof::backend::cluster {
namespace {

std::string trouble_of(const Json& status) {
  for (const char* list : {"initContainerStatuses", "containerStatuses"})
    for (const Json& container : status.value(list, Json::array())) {
      const Json state = container.value("state", Json::object());
      for (const char* kind : {"waiting", "terminated"}) {
        const Json told = state.value(kind, Json::object());
        const std::string reason = told.value("reason", "");
        if (reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing" || reason == "Completed")
          continue;
        const std::string message = told.value("message", "");
        return "container " + container.value("name", "") + ": " + reason +
               (message.empty() ? "" : " (" + message + ")");
      }
    }
  for (const Json& condition : status.value("conditions", Json::array()))
    if (condition.value("type", "") == "PodScheduled" && condition.value("status", "") == "False")
      return condition.value("reason", "") + ": " + condition.value("message", "");
  return {};
}

// Reasons of containerd and of Docker's shim.
bool is_stillborn(const Json& status) {
  if (status.value("phase", "") != "Failed") return false;
  bool any = false;
  for (const char* list : {"initContainerStatuses", "containerStatuses"})
    for (const Json& container : status.value(list, Json::array())) {
      const Json ended = container.value("state", Json::object()).value("terminated", Json::object());
      const std::string reason = ended.value("reason", "");
      if (reason != "StartError" && reason != "ContainerCannotRun") return false;
      any = true;
    }
  return any;
}

// By what it runs: a tenant may give any container the name.
bool runs_istios_proxy(const Json& container) {
  const Json args = container.value("args", Json::array());
  return container.value("name", "") == "istio-proxy" && !args.empty() && args.front() == "proxy";
}

}  // namespace

std::vector<Pod> parse_pods(const Json& list) {
  std::vector<Pod> pods;
  for (const Json& item : list.value("items", Json::array())) {
    const Json metadata = item.value("metadata", Json::object());
    const Json status = item.value("status", Json::object());
    Pod pod;
    pod.ns = metadata.value("namespace", "");
    pod.name = metadata.value("name", "");
    pod.node = item.value("spec", Json::object()).value("nodeName", "");
    pod.probe = metadata.value("labels", Json::object()).value(probe_label, "");
    pod.address = status.value("podIP", "");
    pod.running = status.value("phase", "") == "Running";
    const Json spec = item.value("spec", Json::object());
    for (const char* containers : {"initContainers", "containers"})
      for (const Json& container : spec.value(containers, Json::array()))
        pod.proxied = pod.proxied || runs_istios_proxy(container);
    pod.ending = metadata.contains("deletionTimestamp");
    pod.trouble = trouble_of(status);
    pod.stillborn = is_stillborn(status);
    for (const Json& condition : status.value("conditions", Json::array()))
      if (condition.value("type", "") == "Ready") pod.ready = condition.value("status", "") == "True";
    for (const char* containers : {"initContainerStatuses", "containerStatuses"})
      for (const Json& container : status.value(containers, Json::array()))
        pod.restarts += container.value("restartCount", 0);
    pods.push_back(std::move(pod));
  }
  return pods;
}

Result<std::vector<Pod>> pods_of_run(const Kubectl& kubectl, const std::string& run_id) {
  const auto list = kubectl.get({"pods", "--all-namespaces", "--selector", std::string(run_label) + "=" + run_id});
  if (!list) return tl::unexpected(list.error());
  return parse_pods(*list);
}

std::string describe(const Pod& pod) {
  return "pod " + pod.ns + "/" + pod.name + (pod.running ? " is running, not ready" : " is not running") +
         (pod.trouble.empty() ? "" : ": " + pod.trouble);
}

}  // namespace egressproof::backend::cluster
