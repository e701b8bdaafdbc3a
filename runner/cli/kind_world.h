// The world of `--backend kind`: a kind cluster that is there or is made, with the image of this build in its nodes.
#pragma once

#include <string>

#include "runner/backend/cluster/cluster.h"
#include "runner/cli/kind.h"

namespace egressproof::cli {

// Brings the cluster up and the image into it, both only where they are not there yet; progress on standard error.
// Errors: kind usage or environment.
Result<backend::cluster::WorldSettings> kind_world(const KindOptions& options, const std::string& run_id);

}  // namespace egressproof::cli
