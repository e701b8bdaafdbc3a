#include "runner/scenario/pod_template.h"

#include <algorithm>

namespace egressproof::scenario {

std::map<std::string, std::string> read_labels(Problems& problems, MapReader& map, const std::string& key) {
  std::map<std::string, std::string> names;
  const Node* node = map.take(key);
  if (node == nullptr) return names;
  for (const Entry* entry : read_entries(problems, *node, "'" + key + "'"))
    if (auto text = read_text(problems, entry->value, "'" + entry->key.text + "'")) names[entry->key.text] = *text;
  return names;
}

namespace {

PodTemplate read_pod(Problems& problems, const Node& node, const std::string& what) {
  PodTemplate pod;
  MapReader map(problems, node, what);
  pod.labels = read_labels(problems, map, "labels");
  pod.annotations = read_labels(problems, map, "annotations");
  map.text("container", pod.container);
  map.flag("knative", pod.knative);
  map.flag("host-network", pod.host_network);
  if (pod.host_network && pod.knative)
    problems.add(map.key_at("host-network"), "a Knative Service has no 'host-network'; say 'knative: false' too");
  map.flag("from-zero", pod.from_zero);
  if (pod.from_zero && !pod.knative)
    problems.add(map.key_at("from-zero"), "a Deployment has no 'from-zero'; leave 'knative: false' out");
  map.finish();
  return pod;
}

}  // namespace

std::map<std::string, PodTemplate> read_pods(Problems& problems, MapReader& map, const std::vector<Variant>& variants) {
  std::map<std::string, PodTemplate> pods;
  if (const Node* pod = map.take("pod")) pods[""] = read_pod(problems, *pod, "'pod'");
  const Node* node = map.take("pods");
  if (node == nullptr) return pods;
  std::vector<std::string> names;
  for (const Variant& variant : variants) names.push_back(variant.name);
  for (const Entry* entry : read_entries(problems, *node, "'pods'")) {
    const std::string& name = entry->key.text;
    if (std::find(names.begin(), names.end(), name) == names.end())
      problems.add(entry->key.at, "'pods' names '" + name + "', which is no variant of the case",
                   did_you_mean(name, names));
    pods[name] = read_pod(problems, entry->value, "a pod");
  }
  return pods;
}

}  // namespace egressproof::scenario
