#include "base/json.h"
#include "runner/policy/network_policy.h"

namespace egressproof::policy {
namespace {

const char* name_of(SelectorOperator op) {
  switch (op) {
    case SelectorOperator::in:
      return "In";
    case SelectorOperator::not_in:
      return "NotIn";
    case SelectorOperator::exists:
      return "Exists";
    case SelectorOperator::does_not_exist:
      return "DoesNotExist";
  }
  return "";
}

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::tcp:
      return "TCP";
    case Protocol::udp:
      return "UDP";
    case Protocol::sctp:
      return "SCTP";
    case Protocol::icmp:
      return "ICMP";
  }
  return "";
}

Json to_json(const LabelSelector& selector) {
  Json made = Json::object();
  for (const auto& [key, value] : selector.match_labels) made["matchLabels"][key] = value;
  for (const LabelSelectorRequirement& one : selector.match_expressions) {
    Json expression{{"key", one.key}, {"operator", name_of(one.op)}};
    if (!one.values.empty()) expression["values"] = one.values;
    made["matchExpressions"].push_back(std::move(expression));
  }
  return made;
}

Json to_json(const NetworkPolicyPeer& peer) {
  Json made = Json::object();
  if (peer.pod_selector) made["podSelector"] = to_json(*peer.pod_selector);
  if (peer.namespace_selector) made["namespaceSelector"] = to_json(*peer.namespace_selector);
  if (peer.ip_block) {
    made["ipBlock"]["cidr"] = peer.ip_block->cidr;
    if (!peer.ip_block->except.empty()) made["ipBlock"]["except"] = peer.ip_block->except;
  }
  return made;
}

Json to_json(const NetworkPolicyPort& port) {
  Json made{{"protocol", name_of(port.protocol)}};
  if (const auto* number = std::get_if<std::uint16_t>(&port.port)) made["port"] = *number;
  if (const auto* name = std::get_if<std::string>(&port.port)) made["port"] = *name;
  if (port.end_port) made["endPort"] = *port.end_port;
  return made;
}

Json to_json(const std::vector<NetworkPolicyRule>& rules, const char* peers_key) {
  Json made = Json::array();
  for (const NetworkPolicyRule& rule : rules) {
    Json one = Json::object();
    for (const NetworkPolicyPeer& peer : rule.peers) one[peers_key].push_back(to_json(peer));
    for (const NetworkPolicyPort& port : rule.ports) one["ports"].push_back(to_json(port));
    made.push_back(std::move(one));
  }
  return made;
}

}  // namespace

std::string print(const NetworkPolicy& policy) {
  Json spec{{"podSelector", to_json(policy.pod_selector)}, {"policyTypes", Json::array()}};
  if (policy.ingress) spec["policyTypes"].push_back("Ingress");
  if (policy.egress) spec["policyTypes"].push_back("Egress");
  // Rules of a type that is not in force are kept: they are part of the value.
  if (!policy.ingress_rules.empty()) spec["ingress"] = to_json(policy.ingress_rules, "from");
  if (!policy.egress_rules.empty()) spec["egress"] = to_json(policy.egress_rules, "to");
  const Json manifest{{"apiVersion", "networking.k8s.io/v1"},
                      {"kind", "NetworkPolicy"},
                      {"metadata", {{"name", policy.name}, {"namespace", policy.ns}}},
                      {"spec", std::move(spec)}};
  return manifest.dump(2) + "\n";
}

}  // namespace egressproof::policy
