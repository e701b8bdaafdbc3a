// What the kernel of a pod does with connections that its capture rules lead to a proxy that is not there, that holds
// them, or whose port somebody else has. Pure.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "runner/backend/lab/nftables.h"
#include "runner/backend/lab/topology.h"
#include "runner/policy/mesh_record.h"

namespace egressproof::backend::lab {

// Input of `nft -f -` in the pod: remembers the ends of each connection that was translated within the pod and answered
// by the RST that the kernel sends for a SYN to a port on which nobody listens (sequence number 0, RFC 9293, 3.5.2); an
// established connection that is reset has another number. Decides nothing.
std::string capture_witness_ruleset();
std::vector<std::string> capture_refusals_arguments();  // of which parse_nft_drops() takes the output

// The same table: remembers the ends of each connection that was led to the proxy's port for outbound connections and
// ended by its client, then by the proxy (both FINs, in this order, within a second): a proxy that hangs, or closed
// first, has none. For clients that say nothing. Decides nothing.
std::string capture_holds_ruleset();
std::vector<std::string> capture_holds_arguments();

// The same table: remembers the ends of each connection that was led to the proxy's port for outbound connections and
// answered from there by a SYN-ACK. It does not say by whom: to be loaded only while the proxy is gone and the tenant's
// own process has the port. Decides nothing.
std::string capture_taken_ruleset();
std::vector<std::string> capture_taken_arguments();

// One record for each; `details` is policy::capture_refusal, policy::capture_hold or policy::capture_taken.
std::vector<policy::MeshRecord> capture_records(const std::vector<DroppedPacket>& connections, const PodPlace& pod,
                                                const char* details);

}  // namespace egressproof::backend::lab
