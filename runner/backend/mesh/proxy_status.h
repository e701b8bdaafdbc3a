// What istiod and Envoy say about pushes: /debug/syncz and /config_dump. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace egressproof::backend::mesh {

struct ResourceStatus {
  std::uint64_t sent = 0, acked = 0;  // push counters; N of a nonce "RFC3339/N" + uuid
  std::string sent_nonce, acked_nonce;
  std::string last_error;  // as the proxy told it with its NACK
};

struct ProxyStatus {
  std::string id;                                   // "probe-tenant-p3.tenant-p3"
  std::map<std::string, ResourceStatus> resources;  // by short type: "Cluster", "Listener", ...
};

// Body of GET /debug/syncz.
Result<std::vector<ProxyStatus>> parse_syncz(std::string_view body);

// Highest counter over all proxies and types.
std::uint64_t highest_push(const std::vector<ProxyStatus>& proxies);

// "proxy X rejected Listener: ..." for every rejected resource.
std::vector<std::string> rejections(const std::vector<ProxyStatus>& proxies);

// Those of `now` that `before` did not have: istiod keeps an error until the proxy accepts something newer.
std::vector<std::string> new_rejections(const std::vector<ProxyStatus>& before, const std::vector<ProxyStatus>& now);

// How a proxy takes pushes. state_of_the_world: every type comes with every push. delta (Istio's default): only what
// changed comes, which for any new cluster with a listener of its own are those two types.
enum class Xds { state_of_the_world, delta };

// What is still missing until `proxies` all acknowledged a push later than `after`; empty: nothing.
std::string unacknowledged(const std::vector<ProxyStatus>& proxies, const std::vector<std::string>& expected,
                           std::uint64_t after, Xds xds = Xds::state_of_the_world);

// What is still awaited of a push after `before`: that nothing is newly rejected (an Error of kind environment, as that
// never mends itself) and all of `expected` acknowledged it. Empty: nothing.
Result<std::string> push_gap(const std::vector<ProxyStatus>& before, const std::vector<ProxyStatus>& now,
                             const std::vector<std::string>& expected, Xds xds = Xds::state_of_the_world);

// Parts of Envoy's GET :15000/config_dump (resource=, mask=) that not_active() needs: a few kilobytes instead of
// hundreds.
std::vector<std::string> activity_queries(const std::string& marker_cluster);

// The bodies of activity_queries(), in order: what is not yet used, or rejected, in Envoy itself; empty: all is active
// and `marker_cluster` is there.
std::string not_active(const std::vector<std::string>& bodies, std::string_view marker_cluster);

}  // namespace egressproof::backend::mesh
