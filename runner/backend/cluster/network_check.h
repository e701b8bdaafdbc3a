// Whether this cluster's network plugin enforces NetworkPolicy: tried, not asked. Every API server takes the objects.
#pragma once

#include "base/result.h"
#include "runner/backend/cluster/cluster.h"

namespace egressproof::backend::cluster {

// Two pods in a namespace of their own: the one must reach the other before a policy that denies all egress, and must
// not within a while after. The namespace goes again. Error kind environment: the pods did not come up, or the first
// could not reach the second even before.
Result<bool> enforces_network_policy(const WorldSettings& settings);

}  // namespace egressproof::backend::cluster
