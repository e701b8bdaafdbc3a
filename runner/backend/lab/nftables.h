// NetworkPolicy compiled to nftables, as a network plugin does on the host side of a pod's veth. Pure.
//
// All is in one table of the bridge family, so that it sees pod -> fixture (local to the world), pod -> pod (bridged)
// and world -> pod traffic alike, before any address is rewritten. The table follows connections itself, in sets that
// rules fill: a bridge has conntrack only with modules that not every kernel has.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runner/policy/network_policy.h"

namespace egressproof::backend::lab {

// What becomes of connections that are open when a ruleset is loaded. Kubernetes leaves it to the implementation.
enum class Established {
  keep,    // they live on, as with conntrack
  recheck  // their next packet must be allowed by the new policies, in the direction of the connection
};

// "namespace/name" of a pod -> the world's end of its veth.
using PodInterfaces = std::map<std::string, std::string>;

// Input of `nft -f -` in the world; replaces the one before at once, counters go on. Pods without interface are peers
// alone. Multicast and link-local traffic is judged packet by packet, without replies; ARP, neighbour discovery,
// IGMP and MLD always pass. Of an isolated pod only packets from its own addresses pass.
// Errors, kind scenario: a policy that selects a pod without interface, two policies of one name, a name that nft
// cannot take.
Result<std::string> nft_ruleset(const std::vector<policy::NetworkPolicy>& policies, const policy::Cluster& cluster,
                                const PodInterfaces& interfaces, Established established = Established::keep);

std::vector<std::string> nft_load_arguments();  // `nft -f -`
std::vector<std::string> nft_list_arguments();  // of which parse_nft_counters() takes the output
// One for each set; parse_nft_drops() takes the outputs. All else of the table may be long.
std::vector<std::vector<std::string>> nft_drops_arguments();

// Packets since the table was first loaded.
struct PodDrops {
  std::uint64_t egress = 0;   // sent by the pod, allowed by none of the policies that isolate it
  std::uint64_t ingress = 0;  // to the pod
  std::uint64_t spoofed = 0;  // sent by an isolated pod with an address that is not its own, or neither IPv4 nor IPv6
};
// Packets that opened connections, or belong to none, by the first policy that allowed them.
struct PolicyHits {
  std::uint64_t egress = 0;
  std::uint64_t ingress = 0;
};
struct NftCounters {
  std::map<std::string, PodDrops> drops;   // by "namespace/name" of each pod with interface
  std::map<std::string, PolicyHits> hits;  // by "namespace/name" of each policy that selects one
};
// Error kind environment: not such a listing, or not of our table.
Result<NftCounters> parse_nft_counters(std::string_view listing);

// The first packet between two ends that no policy allowed: of TCP, UDP, SCTP, or an echo request.
struct DroppedPacket {
  std::string protocol;             // "tcp", "icmp"
  std::string source;               // "address:port", "[v6]:port"; icmp: the echo identifier is the port
  std::string destination;          // as it was sent, before any rewriting of addresses; icmp: port 0
  std::chrono::microseconds at{0};  // since the Unix epoch, right to half a second: nft tells whole seconds
};
inline constexpr std::chrono::seconds dropped_memory{3600};  // how long it is remembered
// `listed_at`: when nft made the listing, since the Unix epoch; `family`: of the table. Error kind environment: not a
// listing of such a set.
Result<std::vector<DroppedPacket>> parse_nft_drops(std::string_view listing, std::chrono::microseconds listed_at,
                                                   const char* family = "bridge");

}  // namespace egressproof::backend::lab
