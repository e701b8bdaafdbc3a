// Who has which address in the lab, and the commands that make it so. Pure.
//
// One bridge in the "world" namespace joins istiod and the pods; the fixtures' addresses are local to the world
// (AnyIP). Nothing touches the namespace of the caller, so all runs use the same documentation addresses (RFC 5737,
// RFC 3849).
#pragma once

#include <string>
#include <vector>

#include "runner/backend/backend.h"

namespace egressproof::backend::lab {

inline constexpr const char* world_address = "203.0.113.1";  // gateway of the pods, and their DNS server
inline constexpr const char* world_address6 = "2001:db8:113::1";
inline constexpr const char* istiod_address = "203.0.113.2";
inline constexpr int redirect_port = 19999;  // where the world's every-port fixtures listen

struct PodPlace {
  std::string name;      // of the profile
  std::string address;   // IPv4
  std::string address6;  // empty: the world has no IPv6
  std::string ns, service_account;
  bool meshed = false;
  bool router = false;      // an egress gateway: a proxy without a workload, named "PROFILE.gateway"
  std::string serves = "";  // of a gateway: the namespace of the profile that it is for
};

// The pod of a profile's gateway, and the host of the Kubernetes Service that it would have.
std::string gateway_pod(const scenario::Profile& profile);
std::string gateway_host(const std::string& ns);  // "istio-egressgateway.NS.svc.cluster.local"

bool is_ipv6(const std::string& address);

// Whether the world needs IPv6: a fixture has such an address.
bool has_ipv6(const std::vector<scenario::Fixture>& fixtures);

// Gateways come after the pods of the profiles. Pods get 203.0.113.10, .11 ... in order, with IPv6 also
// 2001:db8:113::a, ::b ... Errors: more profiles than addresses; two profiles in one namespace, whose proxies istiod
// could not tell apart.
Result<std::vector<PodPlace>> place_pods(const std::vector<scenario::Profile>& profiles, bool ipv6);

// Input of `ip -batch -` in the world: bridge, fixture addresses, and one veth pair for each entry of `peers`, whose
// other end is moved to that namespace path as eth0.
std::string world_commands(const std::vector<scenario::Fixture>& fixtures, const std::vector<std::string>& peers);
// Input of `ip -batch -` in a pod or istiod. The IPv4 address comes first: by the first address Istio decides which
// family its rules capture.
std::string pod_commands(const std::string& address, const std::string& address6);
// Input of `iptables-restore` (ip6tables-restore for `ipv6`) in the world: every-port fixtures are redirected to
// redirect_port.
std::string world_rules(const std::vector<scenario::Fixture>& fixtures, bool ipv6);

}  // namespace egressproof::backend::lab
