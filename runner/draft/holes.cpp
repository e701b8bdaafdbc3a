#include "runner/draft/holes.h"

#include <algorithm>
#include <array>

namespace egressproof::draft {
namespace {

constexpr std::string_view control = "https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/";
constexpr std::string_view wildcard =
    "https://istio.io/latest/docs/tasks/traffic-management/egress/wildcard-egress-hosts/";
constexpr std::string_view gateway = "https://istio.io/latest/docs/tasks/traffic-management/egress/egress-gateway/";
constexpr std::string_view entry = "https://istio.io/latest/docs/reference/config/networking/service-entry/";
constexpr std::string_view practices = "https://istio.io/latest/docs/ops/best-practices/security/";

constexpr std::array holes{
    Hole{"no-registry-only", "any destination is reached: nothing denies what is not listed",
         "without outboundTrafficPolicy REGISTRY_ONLY the proxy passes unknown destinations through",
         "a Sidecar in the namespace with outboundTrafficPolicy: {mode: REGISTRY_ONLY}, or the same in meshConfig",
         control},
    Hole{"none-host-spoof", "any address is reached over HTTP with the Host of a listed name",
         "resolution NONE forwards to the address that the client dialled, and looks at Host alone",
         "resolution: DNS instead of NONE (or STATIC with endpoints); the proxy then resolves the name itself",
         control},
    Hole{"none-sni-spoof", "any address is reached over TLS with the SNI of a listed name",
         "resolution NONE forwards to the address that the client dialled, and looks at SNI alone",
         "resolution: DNS instead of NONE (or STATIC with endpoints); the proxy then resolves the name itself",
         control},
    Hole{"none-wildcard", "any address is reached with Host or SNI below a listed wildcard",
         "a wildcard with resolution NONE forwards to the address that the client dialled",
         "list the exact hosts with resolution: DNS, or resolution: DYNAMIC_DNS for the wildcard, or an egress gateway "
         "that resolves the name",
         wildcard},
    Hole{"none-tcp", "any address is reached on the port, whatever is sent",
         "a TCP port with resolution NONE and without addresses opens the port to every destination",
         "addresses for the ServiceEntry and resolution: DNS or STATIC, or protocol TLS", entry},
    Hole{"tcp-without-vip", "every connection on the port is taken to the listed host, whatever it asks for",
         "a TCP port without addresses listens on 0.0.0.0; the proxy cannot tell who was meant",
         "addresses (a VIP) for the ServiceEntry, or protocol TLS, which is told apart by SNI", entry},
    Hole{"vip-without-sni",
         "with any SNI, or none, the listed host's server is reached: also names that are not listed",
         "the listener of a VIP (addresses) has no SNI match: Istio takes the address for proof of the destination",
         "no addresses, or a VirtualService with tls.match.sniHosts for the host", entry},
    Hole{"exported-to-all", "another namespace's listing is usable here",
         "without exportTo a ServiceEntry is visible in every namespace of the mesh",
         "exportTo: [\".\"] on the ServiceEntry, and egress.hosts: [\"./*\"] in the Sidecar of the other namespace",
         entry},
    Hole{"sidecar-without-hosts", "the workload's proxy knows the whole mesh's registry",
         "a Sidecar without egress.hosts imports every namespace", "egress: [{hosts: [\"./*\"]}] in the Sidecar",
         "https://istio.io/latest/docs/reference/config/networking/sidecar/"},
    Hole{"past-the-gateway", "the host is reached directly, past the egress gateway",
         "the port is in the workload's own sight and no VirtualService leads it to the gateway",
         "a VirtualService for gateways: [mesh] with this port (tls.match.sniHosts for TLS), or no such port in the "
         "workload's sight; and a NetworkPolicy that allows only the gateway",
         gateway},
    Hole{"gateway-any-name", "the egress gateway passes on names that are not listed for the workload",
         "a gateway with tls.mode PASSTHROUGH, or plain HTTP, asks nobody who he is",
         "exact hosts in the Gateway, tls.mode ISTIO_MUTUAL, and an AuthorizationPolicy by principal and host there",
         gateway},
    Hole{"tls-fronting", "behind the listed name, other names of the same server are reached inside TLS",
         "the inside of TLS is not seen without terminating it (domain fronting)",
         "originate TLS at an egress gateway with rules by host, or a provider that answers 421 to a mismatch",
         "https://github.com/envoyproxy/envoy/issues/4076"},
    Hole{"no-network-policy", "a process with the proxy's uid (1337) leaves past the sidecar",
         "Istio's capture rules leave the proxy's own uid out; REGISTRY_ONLY is no security boundary",
         "a NetworkPolicy for egress that allows only DNS, istiod and the egress gateway; forbid uid 1337 by admission",
         practices},
    Hole{"listed-but-denied", "what the policies list is not reachable",
         "a Sidecar's egress.hosts, exportTo, a route without destination, or a port of another protocol is in the way",
         "check that exportTo and egress.hosts meet, and that the ports of ServiceEntry, VirtualService and Gateway "
         "agree",
         control},
    Hole{"listed-though-denied", "the policies list what the matrix denies",
         "a ServiceEntry opens the host for every workload that sees it",
         "take the host or the port out of the ServiceEntry, or narrow its exportTo", entry},
    Hole{"somebody-else-answers", "what was asked for is answered by another listed host",
         "a route, a catch-all listener or the single hosting server of a wildcard leads elsewhere",
         "lead the name to its own host, or deny it", wildcard},
};

}  // namespace

bool is_hole(std::string_view key) {
  return std::any_of(holes.begin(), holes.end(), [&](const Hole& one) { return one.key == key; });
}

const Hole& hole(std::string_view key) {
  const auto found = std::find_if(holes.begin(), holes.end(), [&](const Hole& one) { return one.key == key; });
  return found == holes.end() ? holes.front() : *found;
}

}  // namespace egressproof::draft
