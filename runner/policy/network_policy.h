// NetworkPolicy (networking.k8s.io/v1): the manifest as values, and what Kubernetes says that it means. Pure.
//
// allowed() is the reference: an enforcement point (the lab's nftables, a CNI) is right where it does the same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "runner/scenario/scenario.h"

namespace egressproof::policy {

using Labels = std::map<std::string, std::string>;

enum class SelectorOperator { in, not_in, exists, does_not_exist };

struct LabelSelectorRequirement {
  std::string key;
  SelectorOperator op = SelectorOperator::in;
  std::vector<std::string> values;  // none for exists, does_not_exist
  friend bool operator==(const LabelSelectorRequirement&, const LabelSelectorRequirement&) = default;
};

// All requirements together; without any, everything is selected.
struct LabelSelector {
  Labels match_labels;
  std::vector<LabelSelectorRequirement> match_expressions;
  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};

struct IpBlock {
  std::string cidr;  // canonical, host bits cleared: "10.0.0.0/8", "2001:db8::/32"
  std::vector<std::string> except;
  friend bool operator==(const IpBlock&, const IpBlock&) = default;
};

// Either ip_block alone, or one or both selectors.
struct NetworkPolicyPeer {
  std::optional<LabelSelector> pod_selector;
  std::optional<LabelSelector> namespace_selector;  // absent: the policy's own namespace
  std::optional<IpBlock> ip_block;
  friend bool operator==(const NetworkPolicyPeer&, const NetworkPolicyPeer&) = default;
};

// icmp stands for what a policy cannot name: only a rule without ports lets it pass. (Kubernetes leaves that
// undefined.)
enum class Protocol { tcp, udp, sctp, icmp };

struct NetworkPolicyPort {
  Protocol protocol = Protocol::tcp;
  std::variant<std::monostate, std::uint16_t, std::string> port;  // all, a number, a container port's name
  std::optional<std::uint16_t> end_port;                          // inclusive; only with a number
  friend bool operator==(const NetworkPolicyPort&, const NetworkPolicyPort&) = default;
};

struct NetworkPolicyRule {
  std::vector<NetworkPolicyPeer> peers;  // `from` or `to`; empty: everybody
  std::vector<NetworkPolicyPort> ports;  // empty: every protocol and port
  friend bool operator==(const NetworkPolicyRule&, const NetworkPolicyRule&) = default;
};

enum class PolicyType { ingress, egress };

struct NetworkPolicy {
  std::string ns;
  std::string name;
  LabelSelector pod_selector;
  bool ingress = false;  // policyTypes after defaulting: selected pods are isolated for that direction
  bool egress = false;
  std::vector<NetworkPolicyRule> ingress_rules;
  std::vector<NetworkPolicyRule> egress_rules;
  friend bool operator==(const NetworkPolicy&, const NetworkPolicy&) = default;
};

// With the API server's defaults and validation; unknown keys are errors too (as with `kubectl --validate=strict`).
// Error kind scenario: every problem, one a line, as "file:line:column: spec.egress[0].to[1].ipBlock.cidr: ...".
Result<NetworkPolicy> parse_network_policy(const scenario::PolicyObject& object, const std::string& default_namespace);

// The manifest as JSON (which kubectl takes), defaults written out. parse_network_policy() of it is the same value.
std::string print(const NetworkPolicy& policy);

struct ContainerPort {
  std::string name;
  Protocol protocol = Protocol::tcp;
  std::uint16_t port = 0;
};

struct Pod {
  std::string ns;
  std::string name;
  Labels labels;
  std::vector<std::string> addresses;  // IP literals, each owned by one pod
  std::vector<ContainerPort> ports;
};

struct Cluster {
  std::map<std::string, Labels> namespaces;  // kubernetes.io/metadata.name is implied
  std::vector<Pod> pods;
};

enum class Direction { original, reply };

// A packet of a connection. A reply travels from `destination` to `source`.
struct Packet {
  Direction direction = Direction::original;
  std::string source;  // IP literal of who opened the connection; a pod's address stands for the pod
  std::string destination;
  Protocol protocol = Protocol::tcp;
  std::uint16_t port = 0;  // of the destination
};

// Whether the packet passes: both the source pod's egress and the destination pod's ingress policies must allow the
// connection. There is no node in this model, so the exception for a pod's own node does not arise.
bool allowed(const std::vector<NetworkPolicy>& policies, const Cluster& cluster, const Packet& packet);

// One half of it: what the policies for `type` say, of the source pod (egress) or the destination pod (ingress). True
// also for an address that no pod has.
bool allowed_by(PolicyType type, const std::vector<NetworkPolicy>& policies, const Cluster& cluster,
                const Packet& packet);

// The parts, for compilers.
bool selects(const LabelSelector& selector, const Labels& labels);
// Whether the pod is isolated for `type` by this policy.
bool applies(const NetworkPolicy& policy, const Pod& pod, PolicyType type);
// A peer of `policy` that has selectors; false for an ipBlock.
bool selects(const NetworkPolicyPeer& peer, const NetworkPolicy& policy, const Cluster& cluster, const Pod& pod);
bool contains(const IpBlock& block, const std::string& address);
// The number behind a container port's name, for pods that have it.
std::optional<std::uint16_t> named_port(const Pod& pod, const std::string& name, Protocol protocol);
const std::vector<NetworkPolicyRule>& rules(const NetworkPolicy& policy, PolicyType type);

// An IP literal or a CIDR block as bytes. A family has its own length, so blocks of one never hold those of the other.
struct Prefix {
  std::vector<std::uint8_t> bytes;  // 4 or 16, network byte order, as written
  int length = 0;                   // in bits
};
// "10.0.0.0/8", or an address, which is a prefix of full length. IPv4-mapped IPv6 is refused, as what it means differs
// between implementations.
std::optional<Prefix> parse_prefix(const std::string& text);
bool contains(const Prefix& outer, const Prefix& inner);
std::string to_string(const Prefix& prefix);  // canonical CIDR block, host bits cleared

}  // namespace egressproof::policy
