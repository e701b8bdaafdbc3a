// apply(): from "written" to "acknowledged and used". docs/lab.md tells the steps.
#include <poll.h>

#include <algorithm>

#include "base/clock.h"
#include "base/files.h"
#include "runner/backend/lab/http.h"
#include "runner/backend/lab/world.h"
#include "runner/backend/mesh/envoy_gap.h"
#include "runner/backend/mesh/marker.h"
#include "runner/policy/network_policy_split.h"

namespace egressproof::backend::lab {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds barrier_limit{40000};
// Istiod answers late while it pushes to a hundred proxies on few processors.
constexpr milliseconds istiod_limit{10000};
constexpr milliseconds poll_every{10};

// Polls until `gap` says nothing. Errors: its own, or what it last said when the deadline came.
template <class Gap>
Result<void> await(Clock::time_point deadline, const std::function<void()>& while_waiting, Gap gap) {
  for (;;) {
    const Result<std::string> awaited = gap();
    if (!awaited) return tl::unexpected(awaited.error());
    if (awaited->empty()) return {};
    if (Clock::now() >= deadline)
      return fail(ErrorKind::environment,
                  "not acknowledged within " + std::to_string(barrier_limit.count()) + " ms; awaited: " + *awaited);
    if (while_waiting) while_waiting();
    ::poll(nullptr, 0, static_cast<int>(poll_every.count()));
  }
}

}  // namespace

std::string proxy_id_of(const PodPlace& pod) { return pod_name(pod) + "." + pod.ns; }

Result<std::vector<mesh::ProxyStatus>> LabWorld::proxy_status() const {
  const auto reply = http_get(*istiod_ns_, "http://127.0.0.1:8080/debug/syncz", istiod_limit);
  if (!reply) return tl::unexpected(reply.error());
  return mesh::parse_syncz(reply->body);
}

// Whether istiod's store holds the generation of this marker; Error: it refused the files.
Result<std::string> LabWorld::store_gap(const std::string& marker, std::size_t log_seen) const {
  const auto store = http_get(*istiod_ns_, "http://127.0.0.1:8080/debug/configz", istiod_limit);
  if (store && store->body.find(marker) != std::string::npos) return std::string();
  // istiod keeps its whole old state when one document is bad, and says so only in its log.
  const auto log = read_file(folder_.path() / "istiod.log");
  const std::size_t at = log ? log->find("unable to reload file configuration", log_seen) : std::string::npos;
  if (at != std::string::npos)
    return fail(ErrorKind::environment, "istiod refused it: " + log->substr(at, log->find('\n', at) - at));
  return "the generation in istiod's store (/debug/configz)" + (store ? "" : ": " + store.error().message);
}

// What Envoy itself does not use yet, all proxies asked at once.
std::string LabWorld::envoy_gap(const std::string& cluster) const {
  std::vector<mesh::EnvoyAdmin> envoys;
  for (std::size_t i = 0; i < pods_.size(); ++i)
    if (in_service(pods_[i]))
      envoys.push_back({"pod " + pods_[i].name, query_in(pod_ns_[i], "http://" + loopback_of(pods_[i]) + ":15000")});
  return mesh::envoy_gap(envoys, cluster, milliseconds(2000));
}

Result<std::string> LabWorld::barrier_gap(const std::vector<mesh::ProxyStatus>& before,
                                          const std::string& cluster) const {
  const auto status = proxy_status();
  if (!status) return status.error().message;
  std::vector<std::string> expected;
  for (const PodPlace& pod : pods_)
    if (in_service(pod)) expected.push_back(proxy_id_of(pod));
  if (auto gap = mesh::push_gap(before, *status, expected); !gap || !gap->empty()) return gap;
  return envoy_gap(cluster);
}

std::vector<std::string> LabWorld::meshed_namespaces() const {
  std::vector<std::string> namespaces;
  for (const PodPlace& pod : pods_)
    if (pod.meshed && !pod.tenant && std::find(namespaces.begin(), namespaces.end(), pod.ns) == namespaces.end())
      namespaces.push_back(pod.ns);
  return namespaces;
}

Result<policy::Applied> LabWorld::put_in_place(const policy::Generation& generation,
                                               const std::function<void()>& while_waiting) {
  // The marker counts our calls, not the caller's numbers: it must be new even when the same generation comes again.
  const int marker = ++generations_;
  const auto deadline = Clock::now() + barrier_limit;
  policy::Applied applied;
  applied.generation = generation.number;
  const auto told_before = proxy_status();
  if (!told_before) return tl::unexpected(told_before.error());
  const auto split = policy::split_network_policies(generation.manifests);
  if (!split) return tl::unexpected(split.error());
  const std::filesystem::path staged = folder_.path() / "generation.yaml";
  if (auto written = write_file_atomically(staged, split->others + platform_manifests(pods_) +
                                                       gateway_manifests(pods_) + service_manifests(pods_) +
                                                       mesh::marker_manifests(marker, meshed_namespaces()));
      !written)
    return tl::unexpected(written.error());
  const std::size_t log_seen = read_file(folder_.path() / "istiod.log").value_or("").size();
  applied.applied_at = clock_now();
  // First, so that what the mesh fetches because of a policy meets the network as the same generation wants it.
  if (auto loaded = load_network_policies(split->network_policies); !loaded) return tl::unexpected(loaded.error());
  std::error_code code;
  std::filesystem::rename(staged, folder_.path() / "config" / "generation.yaml", code);
  if (code) return fail(ErrorKind::environment, "cannot rename '" + staged.string() + "': " + code.message());
  if (proxies_.empty()) {  // no marker, and nobody to wait for
    applied.acknowledged_at = clock_now();
    applied.because = "no pod has a proxy";
    return applied;
  }
  auto stored = await(deadline, while_waiting, [&] { return store_gap(mesh::marker_host(marker), log_seen); });
  if (!stored) return tl::unexpected(stored.error());

  auto before = proxy_status();
  if (!before) return tl::unexpected(before.error());
  const std::uint64_t after = mesh::highest_push(*before);
  // What was rejected already is news only if it was not before this generation.
  if (const auto rejected = mesh::new_rejections(*told_before, *before); !rejected.empty())
    return fail(ErrorKind::environment, rejected.front());
  if (auto written = write_file_atomically(folder_.path() / "mesh.yaml", mesh_config(marker)); !written)
    return tl::unexpected(written.error());
  auto used = await(deadline, while_waiting, [&] { return barrier_gap(*before, mesh::marker_cluster(marker)); });
  if (!used) return tl::unexpected(used.error());
  applied.acknowledged_at = clock_now();
  const auto status = proxy_status();
  applied.because =
      "push " + std::to_string(status ? mesh::highest_push(*status) : after) + " acknowledged by all " +
      std::to_string(std::count_if(pods_.begin(), pods_.end(), [&](const PodPlace& pod) { return in_service(pod); })) +
      " proxies, nothing rejected or warming";
  return applied;
}

Result<policy::Applied> LabWorld::apply(const policy::Generation& generation,
                                        const std::function<void()>& while_waiting) {
  auto applied = put_in_place(generation, while_waiting);
  if (applied) return applied;
  folder_.keep();
  Error error = applied.error();
  error.context.push_back("while applying generation " + std::to_string(generation.number));
  error.context.push_back("logs are kept in " + work_folder());
  return tl::unexpected(std::move(error));
}

}  // namespace egressproof::backend::lab
