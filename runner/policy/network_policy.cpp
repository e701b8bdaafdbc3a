#include "runner/policy/network_policy.h"

#include <algorithm>

namespace egressproof::policy {
namespace {

bool meets(const LabelSelectorRequirement& requirement, const Labels& labels) {
  const auto found = labels.find(requirement.key);
  const bool there = found != labels.end();
  const bool listed = there && std::find(requirement.values.begin(), requirement.values.end(), found->second) !=
                                   requirement.values.end();
  switch (requirement.op) {
    case SelectorOperator::in:
      return listed;
    case SelectorOperator::not_in:
      return !listed;
    case SelectorOperator::exists:
      return there;
    case SelectorOperator::does_not_exist:
      return !there;
  }
  return false;
}

Labels namespace_labels(const Cluster& cluster, const std::string& ns) {
  const auto found = cluster.namespaces.find(ns);
  Labels labels = found == cluster.namespaces.end() ? Labels{} : found->second;
  labels["kubernetes.io/metadata.name"] = ns;
  return labels;
}

bool same_address(const std::string& one, const std::string& other) {
  const auto left = parse_prefix(one);
  const auto right = parse_prefix(other);
  return left && right && left->bytes == right->bytes;
}

const Pod* pod_at(const Cluster& cluster, const std::string& address) {
  for (const Pod& pod : cluster.pods)
    for (const std::string& own : pod.addresses)
      if (same_address(own, address)) return &pod;
  return nullptr;
}

// `server`: the pod at the connection's destination, whose container ports give names their numbers.
bool matches(const NetworkPolicyPort& port, const Packet& packet, const Pod* server) {
  if (port.protocol != packet.protocol) return false;
  if (const auto* number = std::get_if<std::uint16_t>(&port.port))
    return packet.port >= *number && packet.port <= port.end_port.value_or(*number);
  if (const auto* name = std::get_if<std::string>(&port.port))
    return server != nullptr && named_port(*server, *name, packet.protocol) == packet.port;
  return true;
}

bool matches(const NetworkPolicyRule& rule, const NetworkPolicy& policy, const Cluster& cluster, const Packet& packet,
             const std::string& peer_address) {
  const Pod* server = pod_at(cluster, packet.destination);
  const Pod* peer_pod = pod_at(cluster, peer_address);
  const auto peer_matches = [&](const NetworkPolicyPeer& peer) {
    if (peer.ip_block) return contains(*peer.ip_block, peer_address);
    return peer_pod != nullptr && selects(peer, policy, cluster, *peer_pod);
  };
  const auto port_matches = [&](const NetworkPolicyPort& port) { return matches(port, packet, server); };
  return (rule.peers.empty() || std::any_of(rule.peers.begin(), rule.peers.end(), peer_matches)) &&
         (rule.ports.empty() || std::any_of(rule.ports.begin(), rule.ports.end(), port_matches));
}

}  // namespace

bool selects(const LabelSelector& selector, const Labels& labels) {
  for (const auto& [key, value] : selector.match_labels) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  return std::all_of(selector.match_expressions.begin(), selector.match_expressions.end(),
                     [&](const LabelSelectorRequirement& requirement) { return meets(requirement, labels); });
}

bool applies(const NetworkPolicy& policy, const Pod& pod, PolicyType type) {
  return (type == PolicyType::ingress ? policy.ingress : policy.egress) && policy.ns == pod.ns &&
         selects(policy.pod_selector, pod.labels);
}

bool selects(const NetworkPolicyPeer& peer, const NetworkPolicy& policy, const Cluster& cluster, const Pod& pod) {
  if (peer.ip_block) return false;
  const bool right_namespace = peer.namespace_selector
                                   ? selects(*peer.namespace_selector, namespace_labels(cluster, pod.ns))
                                   : pod.ns == policy.ns;
  return right_namespace && (!peer.pod_selector || selects(*peer.pod_selector, pod.labels));
}

bool contains(const IpBlock& block, const std::string& address) {
  const auto inner = parse_prefix(address);
  const auto holds = [&](const std::string& cidr) {
    const auto outer = parse_prefix(cidr);
    return outer && inner && contains(*outer, *inner);
  };
  return holds(block.cidr) && std::none_of(block.except.begin(), block.except.end(), holds);
}

std::optional<std::uint16_t> named_port(const Pod& pod, const std::string& name, Protocol protocol) {
  for (const ContainerPort& port : pod.ports)
    if (port.name == name && port.protocol == protocol) return port.port;
  return std::nullopt;
}

const std::vector<NetworkPolicyRule>& rules(const NetworkPolicy& policy, PolicyType type) {
  return type == PolicyType::ingress ? policy.ingress_rules : policy.egress_rules;
}

bool allowed_by(PolicyType type, const std::vector<NetworkPolicy>& policies, const Cluster& cluster,
                const Packet& packet) {
  const bool ingress = type == PolicyType::ingress;
  const Pod* subject = pod_at(cluster, ingress ? packet.destination : packet.source);
  if (subject == nullptr) return true;
  bool isolated = false;
  for (const NetworkPolicy& policy : policies) {
    if (!applies(policy, *subject, type)) continue;
    isolated = true;
    for (const NetworkPolicyRule& rule : rules(policy, type))
      if (matches(rule, policy, cluster, packet, ingress ? packet.source : packet.destination)) return true;
  }
  return !isolated;
}

bool allowed(const std::vector<NetworkPolicy>& policies, const Cluster& cluster, const Packet& packet) {
  const Pod* source = pod_at(cluster, packet.source);
  if (source != nullptr && source == pod_at(cluster, packet.destination)) return true;
  // The direction is not asked: replies follow the connection, whatever the policies say of the way back.
  return allowed_by(PolicyType::egress, policies, cluster, packet) &&
         allowed_by(PolicyType::ingress, policies, cluster, packet);
}

}  // namespace egressproof::policy
