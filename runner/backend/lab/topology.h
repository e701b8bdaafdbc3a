// Who has which address in the lab, and the commands that make it so. Pure.
//
// One bridge in the "world" namespace joins istiod and the pods; the fixtures' addresses are local to the world
// (AnyIP). Nothing touches the namespace of the caller, so all runs use the same documentation addresses (RFC 5737,
// RFC 3849).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/backend/backend.h"

namespace egressproof::backend::lab {

inline constexpr const char* world_address = "203.0.113.1";  // gateway of the pods, and their DNS server
inline constexpr const char* world_address6 = "2001:db8:113::1";
inline constexpr const char* istiod_address = "203.0.113.2";
inline constexpr const char* istiod_address6 = "2001:db8:113::2";
inline constexpr std::uint16_t capture_port = 15001;  // of the pod's proxy, for outbound connections
inline constexpr int redirect_port = 19999;           // where the world's every-port fixtures listen
inline constexpr int udp_redirect_port = 19998;       // the same for datagrams

struct PodPlace {
  std::string name;      // of the profile
  std::string address;   // IPv4; of a pod that has IPv6 alone, that
  std::string address6;  // empty: the world has no IPv6, or `address` is IPv6
  std::string ns, service_account;
  bool meshed = false;
  bool router = false;        // an egress gateway: a proxy without a workload, named "PROFILE.gateway"
  std::string serves = "";    // of a gateway: the namespace of the profile that it is for
  std::string workload = "";  // as in scenario::Profile
  // Of a workload's pod, or as injected; empty: those of labels_of().
  std::map<std::string, std::string> labels = {};
  const scenario::Fixture* fixture = nullptr;  // that listens in the pod, whose address is then the pod's
  // Of a pod of a case: what its tenant wrote. Then `meshed` is decided by the injector.
  std::optional<scenario::PodTemplate> tenant = {};
  std::string witness = "";  // whose records its own are; empty: its name
};

// The pod of a profile's gateway, and the host of the Kubernetes Service that it would have.
std::string gateway_pod(const scenario::Profile& profile);
std::string gateway_host(const std::string& ns);  // "istio-egressgateway.NS.svc.cluster.local"

// As Kubernetes would have it: the pod's name, unique in its namespace, and its labels. `istio: NAMESPACE` tells
// gateways apart, since a Gateway's selector is not limited to its own namespace.
std::string pod_name(const PodPlace& pod);
std::map<std::string, std::string> labels_of(const PodPlace& pod);

// What the Kubernetes Service of a gateway is: a name in the cluster's DNS, and a ClusterIP.
struct GatewayService {
  std::string host;
  std::string cluster_ip;
  std::string address;  // of the gateway's pod
};
std::vector<GatewayService> gateway_services(const std::vector<PodPlace>& pods);  // one a gateway, in order
// The Service's ports, and those of the pods behind them.
inline constexpr std::pair<int, int> gateway_ports[] = {{80, 8080}, {443, 8443}};
// Input of `iptables-restore --noflush` in a pod: what kube-proxy does for connections to ClusterIPs, here only for
// those that the pod's proxy does not capture. After the capture rules.
std::string service_rules(const std::vector<GatewayService>& services);

bool is_ipv6(const std::string& address);

// Whether the world needs IPv6: a fixture has such an address.
bool has_ipv6(const std::vector<scenario::Fixture>& fixtures);

// Gateways come after the pods of the profiles. Pods get 203.0.113.10, .11 ... in order, with IPv6 also
// 2001:db8:113::a, ::b ...; one in which a fixture listens gets that one's address. Errors: more profiles than
// addresses; two pods of one name in one namespace, whose proxies istiod could not tell apart; a fixture's address that
// no pod can have. `fixtures` is borrowed by the places.
Result<std::vector<PodPlace>> place_pods(const std::vector<scenario::Profile>& profiles, bool ipv6,
                                         const std::vector<scenario::Fixture>& fixtures = {});

// Puts behind `places` a pod for each probe that has one of its own, in the namespace of its profile's; named as the
// probe. Errors: a probe of no pod, more pods than addresses.
Result<void> place_case_pods(std::vector<PodPlace>& places, const std::vector<ExtraProbe>& probes, bool ipv6);

// Input of `ip -batch -` in the world: bridge, fixture addresses, and one veth pair for each entry of `peers`, whose
// other end is moved to that namespace path as eth0.
std::string world_commands(const std::vector<scenario::Fixture>& fixtures, const std::vector<std::string>& peers);
// "127.0.0.1", or "[::1]" where the pod's proxy has no IPv4: of whoever asks it within the pod, by URL.
std::string loopback_of(const PodPlace& pod);

// Input of `ip -batch -` in a pod or istiod. The IPv4 address comes first: by the first address Istio decides which
// family its rules capture. `address` may be the only one, and IPv6.
std::string pod_commands(const std::string& address, const std::string& address6);
// Input of `iptables-restore` (ip6tables-restore for `ipv6`) in the world: every-port fixtures are redirected to
// redirect_port.
std::string world_rules(const std::vector<scenario::Fixture>& fixtures, bool ipv6);
// The same of UDP, with --noflush: TPROXY, which leaves the original destination as it is. Needs xt_TPROXY.
std::string udp_rules(const std::vector<scenario::Fixture>& fixtures, bool ipv6);

}  // namespace egressproof::backend::lab
