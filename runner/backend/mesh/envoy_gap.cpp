#include "runner/backend/mesh/envoy_gap.h"

#include "runner/backend/mesh/proxy_status.h"

namespace egressproof::backend::mesh {

std::string envoy_gap(const std::vector<EnvoyAdmin>& envoys, const std::string& marker_cluster,
                      std::chrono::milliseconds limit) {
  const std::vector<std::string> parts = activity_queries(marker_cluster);
  std::vector<HttpQuery> queries;
  for (const EnvoyAdmin& envoy : envoys)
    for (const std::string& part : parts) queries.push_back({envoy.prefix.url + part, envoy.prefix.socket});
  const auto replies = http_get_all(queries, limit);
  for (std::size_t i = 0; i < envoys.size(); ++i) {
    std::vector<std::string> bodies;
    for (std::size_t k = i * parts.size(); k < (i + 1) * parts.size(); ++k) {
      if (!replies[k]) return envoys[i].pod + ": " + replies[k].error().message;
      bodies.push_back(replies[k]->body);
    }
    if (const std::string gap = not_active(bodies, marker_cluster); !gap.empty()) return envoys[i].pod + ": " + gap;
  }
  return {};
}

}  // namespace egressproof::backend::mesh
