// How a network plugin's word about one connection stands among the mesh's records: a witness of its own, "POD.netpol".
#pragma once

#include <string>

namespace egressproof::policy {

// MeshRecord::details of a connection whose first packet a NetworkPolicy dropped. It is about this connection: what a
// counter of many packets says is no record.
inline constexpr const char* network_policy_drop = "network_policy_drop";

// MeshRecord::proxy of what the network plugin says of connections from the pod.
inline std::string network_witness(const std::string& pod) { return pod + ".netpol"; }

}  // namespace egressproof::policy
