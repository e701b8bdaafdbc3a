// The lab as Kubernetes would see it: its pods with names, labels and addresses, for NetworkPolicy. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/backend/lab/nftables.h"
#include "runner/backend/lab/topology.h"
#include "runner/policy/mesh_record.h"
#include "runner/policy/network_policy.h"

namespace egressproof::backend::lab {

// The pods, and those that a policy must be able to name: DNS (k8s-app: kube-dns in kube-system) and istiod (app:
// istiod in istio-system). The fixtures are no pods.
policy::Cluster cluster_of(const std::vector<PodPlace>& pods);
// As world_commands() calls them. DNS and istiod have none: a policy that selects one of them is refused.
PodInterfaces interfaces_of(const std::vector<PodPlace>& pods);

// Policies that select no pod: "NetworkPolicy 'tenant-p7/egress' selects no pod", which is a mistake in its labels.
std::vector<std::string> idle_policies(const std::vector<policy::NetworkPolicy>& policies,
                                       const policy::Cluster& cluster);

// How often something was sent between two ends ("address:port") during the run.
using SeenEnds = std::map<std::pair<std::string, std::string>, int>;

// One record for each dropped packet that a pod sent (runner/policy/network_drop.h). Left out where `seen` has its ends
// twice: whose it was cannot be told then.
//
// A proxy's own connection that was dropped is not the client's: it is told by the record of the request that it was
// for, with the proxy's downstream ends, nonce and upstream. That is certain only where as many of the proxy's
// connections to that address failed before they were made (in `logged`) as packets to it were dropped, all within the
// same time.
std::vector<policy::MeshRecord> drop_records(const std::vector<DroppedPacket>& drops, const std::vector<PodPlace>& pods,
                                             const SeenEnds& seen, const std::vector<policy::MeshRecord>& logged);

}  // namespace egressproof::backend::lab
