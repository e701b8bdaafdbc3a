#include "runner/backend/cluster/readiness.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace egressproof::backend::cluster {
namespace {

std::string name_of(const Json& object) {
  std::string kind = text_of(object, "kind");
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string ns = text_of(object, "metadata/namespace");
  return kind + " " + (ns.empty() ? "" : ns + "/") + text_of(object, "metadata/name");
}

long number_of(const Json& object, const std::string& path, long otherwise) {
  const Json& value = member(object, path);
  return value.is_number_integer() ? value.get<long>() : otherwise;
}

// The condition's own words where it is not True.
std::string condition_problem(const Json& object, const std::string& type) {
  const Json& conditions = member(object, "status/conditions");
  if (conditions.is_array())
    for (const Json& one : conditions)
      if (text_of(one, "type") == type) {
        if (text_of(one, "status") == "True") return "";
        const std::string message = text_of(one, "message");
        return "not " + type + (message.empty() ? "" : " (" + message + ")");
      }
  return "not " + type;
}

bool is_observed(const Json& object) {
  return number_of(object, "status/observedGeneration", 0) >= number_of(object, "metadata/generation", 0);
}

std::string deployment_problem(const Json& object) {
  const long wanted = number_of(object, "spec/replicas", 1);
  if (!is_observed(object)) return "its change is not seen yet";
  const long available = number_of(object, "status/availableReplicas", 0);
  const long updated = number_of(object, "status/updatedReplicas", 0);
  if (updated < wanted) return std::to_string(updated) + " of " + std::to_string(wanted) + " updated";
  if (available < wanted) return std::to_string(available) + " of " + std::to_string(wanted) + " available";
  return "";
}

std::string daemon_set_problem(const Json& object) {
  const long wanted = number_of(object, "status/desiredNumberScheduled", -1);
  if (wanted < 0 || !is_observed(object)) return "its change is not seen yet";
  const long available = number_of(object, "status/numberAvailable", 0);
  if (available < wanted) return std::to_string(available) + " of " + std::to_string(wanted) + " available";
  return "";
}

// "container istio-proxy: ImagePullBackOff (Back-off pulling ...)"
std::string container_problem(const Json& pod) {
  for (const char* list : {"status/initContainerStatuses", "status/containerStatuses"}) {
    const Json& statuses = member(pod, list);
    if (!statuses.is_array()) continue;
    for (const Json& status : statuses) {
      const std::string reason = text_of(status, "state/waiting/reason");
      if (reason.empty() || reason == "PodInitializing") continue;
      const std::string message = text_of(status, "state/waiting/message");
      return "container " + text_of(status, "name") + ": " + reason + (message.empty() ? "" : " (" + message + ")");
    }
  }
  return "";
}

std::string pod_problem(const Json& object) {
  if (text_of(object, "status/phase") == "Succeeded") return "";
  const std::string problem = condition_problem(object, "Ready");
  if (problem.empty()) return "";
  if (std::string container = container_problem(object); !container.empty()) return container;
  const std::string unscheduled = condition_problem(object, "PodScheduled");
  return unscheduled.empty() ? problem : unscheduled;
}

std::string problem_of(const Json& object) {
  const std::string kind = text_of(object, "kind");
  if (kind == "Node") return condition_problem(object, "Ready");
  if (kind == "CustomResourceDefinition") return condition_problem(object, "Established");
  if (kind == "Deployment") return deployment_problem(object);
  if (kind == "DaemonSet") return daemon_set_problem(object);
  if (kind == "Pod") return pod_problem(object);
  return "";
}

}  // namespace

const Json& member(const Json& object, const std::string& path) {
  static const Json nothing;
  const Json* at = &object;
  std::istringstream keys(path);
  for (std::string key; std::getline(keys, key, '/');) {
    if (!at->is_object()) return nothing;
    const auto found = at->find(key);
    if (found == at->end()) return nothing;
    at = &*found;
  }
  return *at;
}

std::string text_of(const Json& object, const std::string& path) {
  const Json& value = member(object, path);
  return value.is_string() ? value.get<std::string>() : "";
}

std::vector<std::string> not_ready(const Json& list) {
  std::vector<std::string> lines;
  const Json& items = member(list, "items");
  if (!items.is_array()) return lines;
  for (const Json& item : items)
    if (const std::string problem = problem_of(item); !problem.empty()) lines.push_back(name_of(item) + ": " + problem);
  return lines;
}

std::vector<std::string> absent(const Json& list, const std::vector<std::string>& names) {
  std::vector<std::string> missing;
  const Json& items = member(list, "items");
  for (const std::string& name : names)
    if (!items.is_array() || std::none_of(items.begin(), items.end(),
                                          [&](const Json& item) { return text_of(item, "metadata/name") == name; }))
      missing.push_back(name);
  return missing;
}

std::string shortened(const std::vector<std::string>& lines, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < most; ++i) text += (i == 0 ? "" : ", ") + lines[i];
  if (lines.size() > most) text += " and " + std::to_string(lines.size() - most) + " more";
  return text;
}

}  // namespace egressproof::backend::cluster
