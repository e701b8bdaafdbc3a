#include "runner/scenario/pod_template.h"

#include <algorithm>

#include "runner/scenario/needs.h"
#include "runner/scenario/workload.h"

namespace egressproof::scenario {

std::map<std::string, std::string> read_labels(Problems& problems, MapReader& map, const std::string& key) {
  std::map<std::string, std::string> names;
  const Node* node = map.take(key);
  if (node == nullptr) return names;
  for (const Entry* entry : read_entries(problems, *node, "'" + key + "'"))
    if (auto text = read_text(problems, entry->value, "'" + entry->key.text + "'")) names[entry->key.text] = *text;
  return names;
}

std::map<std::string, std::string> read_own_labels(Problems& problems, MapReader& map, const std::string& key) {
  std::map<std::string, std::string> labels = read_labels(problems, map, key);
  for (const auto& [name, value] : labels)
    if (name.starts_with(knative_labels))
      problems.add(map.key_at(key), "'" + name + "' is Knative's own label, and follows from 'workload'");
  return labels;
}

namespace {
const std::vector<std::pair<std::string, PodAct>> acts{
    {"hold-proxy", PodAct::hold_proxy},   {"stop-proxy", PodAct::stop_proxy},
    {"flush-rules", PodAct::flush_rules}, {"quit-agent", PodAct::quit_agent},
    {"quit-envoy", PodAct::quit_envoy},   {"drain-listeners", PodAct::drain_listeners},
    {"kill-proxy", PodAct::kill_proxy},   {"start-proxy", PodAct::start_proxy},
    {"lose-istiod", PodAct::lose_istiod}, {"take-capture-port", PodAct::take_capture_port}};

std::vector<PodAct> read_acts(Problems& problems, const Node& node) {
  std::vector<std::string> names;
  for (const auto& [name, act] : acts) names.push_back(name);
  std::vector<PodAct> read;
  for (const PlacedText& text : read_texts(problems, node, "'first'")) {
    const auto found = std::find_if(acts.begin(), acts.end(), [&](const auto& one) { return one.first == text.text; });
    if (found == acts.end())
      problems.add(text.at, "'" + text.text + "' is nothing that is done in a pod first; known are " + one_of(names),
                   did_you_mean(text.text, names));
    else
      read.push_back(found->second);
  }
  return read;
}

PodTemplate read_pod(Problems& problems, const Node& node, const std::string& what) {
  PodTemplate pod;
  MapReader map(problems, node, what);
  pod.labels = read_own_labels(problems, map, "labels");
  pod.annotations = read_labels(problems, map, "annotations");
  map.text("container", pod.container);
  read_kubernetes_name(problems, map, "service-account", pod.service_account);
  map.flag("knative", pod.knative);
  map.flag("host-network", pod.host_network);
  if (const Node* first = map.take("first")) pod.first = read_acts(problems, *first);
  if (pod.host_network && pod.knative)
    problems.add(map.key_at("host-network"), "a Knative Service has no 'host-network'; say 'knative: false' too");
  map.flag("from-zero", pod.from_zero);
  if (pod.from_zero && !pod.knative)
    problems.add(map.key_at("from-zero"), "a Deployment has no 'from-zero'; leave 'knative: false' out");
  map.flag("ipv6", pod.ipv6);
  pod.namespace_labels = read_labels(problems, map, "namespace-labels");
  if (pod.from_zero && !pod.namespace_labels.empty())
    problems.add(map.key_at("namespace-labels"),
                 "'namespace-labels' are those at a pod's creation, which 'from-zero' puts off");
  map.flag("init-container", pod.init_container);
  if (pod.init_container && pod.knative)
    problems.add(map.key_at("init-container"),
                 "Knative admits no init container unless a feature is on; say 'knative: false' too");
  map.flag("ephemeral", pod.ephemeral);
  if (pod.ephemeral && node.entries.size() > 1)
    problems.add(map.key_at("ephemeral"),
                 "an ephemeral container is in the workload's own pod: beside 'ephemeral' there is nothing to say");
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

void add_needs_of_pods(Case& one) {
  for (const auto& [variant, pod] : one.pods) {
    add_need(one, "pod-template");
    if (!pod.first.empty()) add_need(one, "pod-acts");
    if (pod.host_network) add_need(one, "host-network");
    if (pod.from_zero) add_need(one, "scale-from-zero");
    if (pod.ipv6) add_need(one, "ipv6-pods");
    if (pod.ephemeral || pod.init_container || !pod.namespace_labels.empty()) add_need(one, "kubernetes");
  }
}

}  // namespace egressproof::scenario
