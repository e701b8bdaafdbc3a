// What the kernel of a pod does with connections that its capture rules lead to a proxy that is not there. Pure.
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

// One record for each.
std::vector<policy::MeshRecord> capture_records(const std::vector<DroppedPacket>& refused, const PodPlace& pod);

}  // namespace egressproof::backend::lab
