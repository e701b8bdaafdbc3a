#include "runner/backend/lab/nftables.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace egressproof::backend::lab {
namespace {

using policy::NetworkPolicy;
using policy::Pod;
using policy::PolicyType;

constexpr const char* table = "bridge egressproof";
constexpr std::size_t longest_name = 255;  // of a counter
constexpr std::size_t longest_interface = 15;

// Connections as both ends may send them. A packet that opens one is judged by the policies of both pods first. The
// `inner` sets hold what was sent, in the form in which an ICMP error quotes it.
constexpr const char* sets = R"(
  set flow4 { typeof ip saddr . ip daddr . meta l4proto . th sport . th dport; flags dynamic,timeout; size 262144; timeout 1h; }
  set flow6 { typeof ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport; flags dynamic,timeout; size 262144; timeout 1h; }
  set echo4 { typeof ip saddr . ip daddr . icmp id; flags dynamic,timeout; size 65536; timeout 30s; }
  set echo6 { typeof ip6 saddr . ip6 daddr . icmpv6 id; flags dynamic,timeout; size 65536; timeout 30s; }
  set inner4 { typeof @nh,96,32 . @nh,128,32 . @nh,72,8 . @th,0,32; flags dynamic,timeout; size 262144; timeout 30s; }
  set inner6 { typeof @nh,64,128 . @nh,192,128 . @nh,48,8 . @th,0,32; flags dynamic,timeout; size 262144; timeout 30s; }
  set dropped4 { typeof ip saddr . ip daddr . meta l4proto . th sport . th dport; flags dynamic,timeout; size 262144; timeout 1h; }
  set dropped_echo4 { typeof ip saddr . ip daddr . icmp id; flags dynamic,timeout; size 65536; timeout 1h; }
  set dropped_echo6 { typeof ip6 saddr . ip6 daddr . icmpv6 id; flags dynamic,timeout; size 65536; timeout 1h; }
  set dropped6 { typeof ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport; flags dynamic,timeout; size 262144; timeout 1h; }
)";

// What is dropped is remembered by its ends, with the time of its first packet: `add` leaves an element as it is.
//
// A bare SYN always opens a connection, even with the ports of an answer. Prerouting comes before any rewriting of
// addresses, output after it was undone. Where a packet for a pod is not to its own address (multicast, link-local,
// flooded), only the last hook knows whose port it leaves by.
constexpr const char* fixed_chains = R"(
  chain unfiltered {
    meta protocol arp accept
    icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
    icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } ip6 hoplimit 1 ip6 daddr ff00::/8 accept
    ip protocol igmp ip ttl 1 ip daddr 224.0.0.0/4 accept
  }
  chain known {
    tcp flags & (syn | ack) != syn ip saddr . ip daddr . meta l4proto . th sport . th dport @flow4 goto record
    tcp flags & (syn | ack) != syn ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport @flow6 goto record
    meta l4proto { udp, sctp } ip saddr . ip daddr . meta l4proto . th sport . th dport @flow4 goto record
    meta l4proto { udp, sctp } ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport @flow6 goto record
    icmp type echo-reply ip saddr . ip daddr . icmp id @echo4 accept
    icmpv6 type echo-reply ip6 saddr . ip6 daddr . icmpv6 id @echo6 accept
    icmp type { destination-unreachable, time-exceeded, parameter-problem } @th,64,8 0x45 @nh,128,32 . @th,192,32 . @th,136,8 . @th,224,32 @inner4 accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } @nh,192,128 . @th,256,128 . @th,112,8 . @th,384,32 @inner6 accept
  }
  chain witness {
    meta protocol ip meta l4proto { tcp, udp, sctp } add @dropped4 { ip saddr . ip daddr . meta l4proto . th sport . th dport }
    meta protocol ip6 meta l4proto { tcp, udp, sctp } add @dropped6 { ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport }
    icmp type echo-request add @dropped_echo4 { ip saddr . ip daddr . icmp id }
    icmpv6 type echo-request add @dropped_echo6 { ip6 saddr . ip6 daddr . icmpv6 id }
  }
  chain record {
    ip daddr { 224.0.0.0/4, 255.255.255.255 } accept
    ip6 daddr { fe80::/10, ff00::/8 } accept
    ip6 saddr fe80::/10 accept
    meta protocol ip meta l4proto { tcp, udp, sctp } update @inner4 { @nh,96,32 . @nh,128,32 . @nh,72,8 . @th,0,32 }
    meta protocol ip6 meta l4proto { tcp, udp, sctp } update @inner6 { @nh,64,128 . @nh,192,128 . @nh,48,8 . @th,0,32 }
    meta protocol ip meta l4proto { tcp, sctp } update @flow4 { ip saddr . ip daddr . meta l4proto . th sport . th dport } update @flow4 { ip daddr . ip saddr . meta l4proto . th dport . th sport } accept
    meta protocol ip6 meta l4proto { tcp, sctp } update @flow6 { ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport } update @flow6 { ip6 daddr . ip6 saddr . meta l4proto . th dport . th sport } accept
    meta protocol ip meta l4proto udp update @flow4 { ip saddr . ip daddr . meta l4proto . th sport . th dport timeout 30s } update @flow4 { ip daddr . ip saddr . meta l4proto . th dport . th sport timeout 30s } accept
    meta protocol ip6 meta l4proto udp update @flow6 { ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport timeout 30s } update @flow6 { ip6 daddr . ip6 saddr . meta l4proto . th dport . th sport timeout 30s } accept
    icmp type echo-request update @echo4 { ip daddr . ip saddr . icmp id }
    icmpv6 type echo-request update @echo6 { ip6 daddr . ip6 saddr . icmpv6 id }
    accept
  }
)";

std::string join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

struct Families {
  std::vector<std::string> four, six;
};

Families by_family(const std::vector<std::string>& addresses) {
  Families split;
  for (const std::string& address : addresses)
    (address.find(':') == std::string::npos ? split.four : split.six).push_back(address);
  return split;
}

// One match a family that occurs: "ip daddr { a, b }".
std::vector<std::string> address_matches(const std::vector<std::string>& addresses, const std::string& end) {
  std::vector<std::string> matches;
  const Families split = by_family(addresses);
  if (!split.four.empty()) matches.push_back(fmt::format("ip {} {{ {} }} ", end, join(split.four)));
  if (!split.six.empty()) matches.push_back(fmt::format("ip6 {} {{ {} }} ", end, join(split.six)));
  return matches;
}

std::string block_match(const policy::IpBlock& block, const std::string& end) {
  const bool six = block.cidr.find(':') != std::string::npos;
  const std::string family = six ? "ip6" : "ip";
  std::string match = block.cidr.ends_with("/0") ? fmt::format("{} version {} ", family, six ? 6 : 4)
                                                 : fmt::format("{} {} {} ", family, end, block.cidr);
  if (!block.except.empty()) match += fmt::format("{} {} != {{ {} }} ", family, end, join(block.except));
  return match;
}

const char* protocol_name(policy::Protocol protocol) {
  switch (protocol) {
    case policy::Protocol::tcp:
      return "tcp";
    case policy::Protocol::udp:
      return "udp";
    case policy::Protocol::sctp:
      return "sctp";
    case policy::Protocol::icmp:
      return "icmp";
  }
  return "";
}

// The matches that a rule of a policy comes to for one pod; each is a line of its own.
class RuleMatches {
 public:
  RuleMatches(const NetworkPolicy& policy, const policy::Cluster& cluster, const Pod& pod, PolicyType type)
      : policy_(policy), cluster_(cluster), pod_(pod), type_(type) {}

  [[nodiscard]] std::vector<std::string> of(const policy::NetworkPolicyRule& rule) const {
    std::vector<std::string> lines;
    const auto peers =
        rule.peers.empty() ? std::vector<const policy::NetworkPolicyPeer*>{nullptr} : pointers(rule.peers);
    const auto ports =
        rule.ports.empty() ? std::vector<const policy::NetworkPolicyPort*>{nullptr} : pointers(rule.ports);
    for (const auto* peer : peers)
      for (const auto* port : ports) {
        const auto more = cross(peer, port);
        lines.insert(lines.end(), more.begin(), more.end());
      }
    return lines;
  }

 private:
  template <class T>
  static std::vector<const T*> pointers(const std::vector<T>& values) {
    std::vector<const T*> made;
    made.reserve(values.size());
    for (const T& value : values) made.push_back(&value);
    return made;
  }

  [[nodiscard]] bool matches(const policy::NetworkPolicyPeer* peer, const Pod& pod, const std::string& address) const {
    if (peer == nullptr) return true;
    return peer->ip_block ? policy::contains(*peer->ip_block, address) : policy::selects(*peer, policy_, cluster_, pod);
  }

  // nullptr: no restriction.
  [[nodiscard]] std::vector<std::string> cross(const policy::NetworkPolicyPeer* peer,
                                               const policy::NetworkPolicyPort* port) const {
    const auto* name = port == nullptr ? nullptr : std::get_if<std::string>(&port->port);
    if (name != nullptr && type_ == PolicyType::egress) return named(peer, *name, port->protocol);
    std::string port_match;
    if (name != nullptr) {
      const auto number = policy::named_port(pod_, *name, port->protocol);
      if (!number) return {};
      port_match = fmt::format("{} dport {} ", protocol_name(port->protocol), *number);
    } else if (port != nullptr) {
      port_match = numbered(*port);
    }
    std::vector<std::string> lines = peer_matches(peer);
    for (std::string& line : lines) line += port_match;
    return lines;
  }

  static std::string numbered(const policy::NetworkPolicyPort& port) {
    const char* protocol = protocol_name(port.protocol);
    const auto* number = std::get_if<std::uint16_t>(&port.port);
    if (number == nullptr) return fmt::format("meta l4proto {} ", protocol);
    if (!port.end_port || *port.end_port == *number) return fmt::format("{} dport {} ", protocol, *number);
    return fmt::format("{} dport {}-{} ", protocol, *number, *port.end_port);
  }

  [[nodiscard]] std::vector<std::string> peer_matches(const policy::NetworkPolicyPeer* peer) const {
    const std::string end = type_ == PolicyType::egress ? "daddr" : "saddr";
    if (peer == nullptr) return {""};
    if (peer->ip_block) return {block_match(*peer->ip_block, end)};
    std::vector<std::string> addresses;
    for (const Pod& pod : cluster_.pods)
      if (policy::selects(*peer, policy_, cluster_, pod))
        addresses.insert(addresses.end(), pod.addresses.begin(), pod.addresses.end());
    return address_matches(addresses, end);
  }

  // Egress to a port by name: each destination pod has its own number.
  [[nodiscard]] std::vector<std::string> named(const policy::NetworkPolicyPeer* peer, const std::string& name,
                                               policy::Protocol protocol) const {
    std::map<std::uint16_t, std::vector<std::string>> addresses;
    for (const Pod& pod : cluster_.pods)
      if (const auto number = policy::named_port(pod, name, protocol))
        for (const std::string& address : pod.addresses)
          if (matches(peer, pod, address)) addresses[*number].push_back(address);
    std::vector<std::string> lines;
    for (const auto& [number, own] : addresses)
      for (const std::string& match : address_matches(own, "daddr"))
        lines.push_back(fmt::format("{}{} dport {} ", match, protocol_name(protocol), number));
    return lines;
  }

  const NetworkPolicy& policy_;
  const policy::Cluster& cluster_;
  const Pod& pod_;
  PolicyType type_;
};

const char* name_of(PolicyType type) { return type == PolicyType::egress ? "egress" : "ingress"; }
std::string key_of(const Pod& pod) { return pod.ns + "/" + pod.name; }
std::string key_of(const NetworkPolicy& policy) { return policy.ns + "/" + policy.name; }

// The parts of the ruleset, collected pod by pod.
struct Parts {
  std::set<std::string> counters;
  std::string declared;  // chains, empty: they must exist before a rule jumps there
  std::string chains;
  std::vector<std::string> sources, egress, ingress4, ingress6, strays;  // elements of verdict maps

  std::string counter(const std::string& name, const std::string& verdict) {
    counters.insert(name);
    return fmt::format("counter name \"{}\" {}", name, verdict);
  }
};

std::string policy_lines(Parts& parts, const std::vector<NetworkPolicy>& policies, const policy::Cluster& cluster,
                         const Pod& pod, PolicyType type) {
  std::string lines;
  for (const NetworkPolicy& policy : policies) {
    if (!policy::applies(policy, pod, type)) continue;
    const std::string verdict = parts.counter(fmt::format("policy.{}.{}", name_of(type), key_of(policy)), "return");
    for (const auto& rule : policy::rules(policy, type))
      for (const std::string& match : RuleMatches(policy, cluster, pod, type).of(rule))
        lines += fmt::format("    {}{}\n", match, verdict);
  }
  return lines + "    jump witness\n    " +
         parts.counter(fmt::format("drop.{}.{}", name_of(type), key_of(pod)), "drop") + "\n";
}

std::string source_lines(const Pod& pod, const std::string& verdict) {
  const Families own = by_family(pod.addresses);
  std::string lines = fmt::format("    meta protocol != {{ ip, ip6 }} {}\n", verdict);
  lines += own.four.empty() ? fmt::format("    meta protocol ip {}\n", verdict)
                            : fmt::format("    ip saddr != {{ {} }} {}\n", join(own.four), verdict);
  auto six = own.six;
  six.emplace_back("fe80::/10");
  return lines + fmt::format("    ip6 saddr != {{ {} }} {}\n", join(six), verdict);
}

void add_pod(Parts& parts, const std::vector<NetworkPolicy>& policies, const policy::Cluster& cluster, const Pod& pod,
             const std::string& interface, std::size_t number) {
  const auto isolated = [&](PolicyType type) {
    return std::any_of(policies.begin(), policies.end(),
                       [&](const NetworkPolicy& policy) { return policy::applies(policy, pod, type); });
  };
  for (const char* type : {"egress", "ingress"}) parts.counter(fmt::format("drop.{}.{}", type, key_of(pod)), "");
  const std::string spoofed = parts.counter("spoof." + key_of(pod), "drop");
  for (const char* kind : {"source", "egress", "ingress", "stray"})
    parts.declared += fmt::format("  chain {}_{} {{ }}\n", kind, number);
  if (isolated(PolicyType::egress)) {
    parts.chains += fmt::format("  chain source_{} {{\n{}  }}\n", number, source_lines(pod, spoofed));
    parts.chains += fmt::format("  chain egress_{} {{\n{}  }}\n", number,
                                policy_lines(parts, policies, cluster, pod, PolicyType::egress));
    parts.sources.push_back(fmt::format("\"{}\" : jump source_{}", interface, number));
    parts.egress.push_back(fmt::format("\"{}\" : jump egress_{}", interface, number));
  }
  if (isolated(PolicyType::ingress)) {
    parts.chains += fmt::format("  chain ingress_{} {{\n{}  }}\n", number,
                                policy_lines(parts, policies, cluster, pod, PolicyType::ingress));
    parts.chains += fmt::format("  chain stray_{} {{\n", number);
    for (const std::string& own : address_matches(pod.addresses, "daddr"))
      parts.chains += fmt::format("    {}return\n", own);
    parts.chains += fmt::format("    jump ingress_{}\n  }}\n", number);
    parts.strays.push_back(fmt::format("\"{}\" : jump stray_{}", interface, number));
    const Families own = by_family(pod.addresses);
    for (const auto& address : own.four) parts.ingress4.push_back(fmt::format("{} : jump ingress_{}", address, number));
    for (const auto& address : own.six) parts.ingress6.push_back(fmt::format("{} : jump ingress_{}", address, number));
  }
}

std::string vmap(const std::string& key, const std::vector<std::string>& elements) {
  return elements.empty() ? "" : fmt::format("    {} vmap {{ {} }}\n", key, join(elements));
}

std::string assemble(const Parts& parts, Established established) {
  std::string text = fmt::format("table {} {{{}", table, sets);
  for (const std::string& name : parts.counters) text += fmt::format("  counter {} {{ }}\n", name);
  text += "  chain unfiltered { }\n  chain known { }\n  chain witness { }\n  chain record { }\n" + parts.declared;
  text += "  chain prerouting { type filter hook prerouting priority -300; policy accept; }\n";
  text += "  chain output { type filter hook output priority -200; policy accept; }\n";
  text += "  chain postrouting { type filter hook postrouting priority -200; policy accept; }\n}\n";
  text += fmt::format("flush table {}\n", table);
  if (established == Established::recheck)
    for (const char* set : {"flow4", "flow6", "echo4", "echo6", "inner4", "inner6"})
      text += fmt::format("flush set {} {}\n", table, set);
  const std::string ingress = vmap("ip daddr", parts.ingress4) + vmap("ip6 daddr", parts.ingress6);
  text += fmt::format("table {} {{{}{}", table, fixed_chains, parts.chains);
  text += "  chain prerouting {\n    jump unfiltered\n" + vmap("iifname", parts.sources) + "    jump known\n" +
          vmap("iifname", parts.egress) + ingress + "    jump record\n  }\n";
  text += "  chain output {\n    jump unfiltered\n    jump known\n" + ingress + "    jump record\n  }\n";
  text += "  chain postrouting {\n    jump unfiltered\n" + vmap("oifname", parts.strays) + "  }\n}\n";
  return text;
}

bool is_word(const std::string& text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
                              std::string::npos;
}

// What of the input cannot be put into a ruleset; empty: nothing.
std::string refusal(const std::vector<NetworkPolicy>& policies, const policy::Cluster& cluster,
                    const PodInterfaces& interfaces) {
  std::set<std::string> names;
  for (const NetworkPolicy& policy : policies) {
    if (!is_word(policy.ns) || !is_word(policy.name) || key_of(policy).size() + 15 > longest_name)
      return fmt::format("NetworkPolicy '{}': nft cannot name a counter so", key_of(policy));
    if (!names.insert(key_of(policy)).second) return fmt::format("two NetworkPolicies are '{}'", key_of(policy));
  }
  for (const Pod& pod : cluster.pods) {
    const auto interface = interfaces.find(key_of(pod));
    if (interface == interfaces.end()) {
      for (const NetworkPolicy& policy : policies)
        if (policy::applies(policy, pod, PolicyType::egress) || policy::applies(policy, pod, PolicyType::ingress))
          return fmt::format("NetworkPolicy '{}' selects pod '{}', which has no interface here", key_of(policy),
                             key_of(pod));
      continue;
    }
    if (!is_word(pod.ns) || !is_word(pod.name) || key_of(pod).size() + 13 > longest_name)
      return fmt::format("pod '{}': nft cannot name a counter so", key_of(pod));
    if (!is_word(interface->second) || interface->second.size() > longest_interface)
      return fmt::format("pod '{}': '{}' is not an interface", key_of(pod), interface->second);
  }
  return "";
}

}  // namespace

Result<std::string> nft_ruleset(const std::vector<NetworkPolicy>& policies, const policy::Cluster& cluster,
                                const PodInterfaces& interfaces, Established established) {
  if (const std::string because = refusal(policies, cluster, interfaces); !because.empty())
    return fail(ErrorKind::scenario, because);
  // The order of policies means nothing; so that it does not show either.
  std::vector<NetworkPolicy> sorted = policies;
  std::sort(sorted.begin(), sorted.end(),
            [](const NetworkPolicy& left, const NetworkPolicy& right) { return key_of(left) < key_of(right); });
  Parts parts;
  for (std::size_t i = 0; i < cluster.pods.size(); ++i) {
    const Pod& pod = cluster.pods[i];
    if (const auto interface = interfaces.find(key_of(pod)); interface != interfaces.end())
      add_pod(parts, sorted, cluster, pod, interface->second, i);
  }
  return assemble(parts, established);
}

std::vector<std::string> nft_load_arguments() { return {"nft", "-f", "-"}; }

std::vector<std::string> nft_list_arguments() {
  return {"nft", "--terse", "-j", "list", "table", "bridge", "egressproof"};
}

std::vector<std::vector<std::string>> nft_drops_arguments() {
  std::vector<std::vector<std::string>> all;
  for (const char* set : {"dropped4", "dropped6", "dropped_echo4", "dropped_echo6"})
    all.push_back({"nft", "-j", "list", "set", "bridge", "egressproof", set});
  return all;
}

}  // namespace egressproof::backend::lab
