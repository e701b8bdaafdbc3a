// What Envoys do not use yet, asked of their own admin interface.
#pragma once

#include <string>
#include <vector>

#include "runner/backend/mesh/http.h"

namespace egressproof::backend::mesh {

struct EnvoyAdmin {
  std::string pod;   // as the gap shall name it: "pod P2"
  HttpQuery prefix;  // "http://127.0.0.1:15000"
};

// All asked at once. Empty: every one uses `marker_cluster`, and nothing is rejected or warming. `limit`: of each
// query.
std::string envoy_gap(const std::vector<EnvoyAdmin>& envoys, const std::string& marker_cluster,
                      std::chrono::milliseconds limit);

}  // namespace egressproof::backend::mesh
