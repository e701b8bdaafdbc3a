// apply(): from "accepted by the API server" to "acknowledged and used by every proxy". docs/kind.md tells the steps.
#include <poll.h>

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "base/files.h"
#include "runner/backend/cluster/generation.h"
#include "runner/backend/cluster/world.h"
#include "runner/backend/mesh/envoy_gap.h"
#include "runner/backend/mesh/http.h"
#include "runner/backend/mesh/marker.h"
#include "runner/backend/yaml_objects.h"

namespace egressproof::backend::cluster {
namespace {

constexpr std::chrono::seconds barrier_limit{60};
constexpr std::chrono::milliseconds http_limit{5000};

}  // namespace

Result<std::vector<mesh::ProxyStatus>> ClusterWorld::proxy_status() const {
  std::vector<mesh::ProxyStatus> all;
  for (const PortForward& istiod : istiods_) {
    const auto reply = mesh::http_get({istiod.url(8080) + "/debug/syncz"}, http_limit);
    if (!reply) return tl::unexpected(reply.error());
    auto some = mesh::parse_syncz(reply->body);
    if (!some) return tl::unexpected(some.error());
    all.insert(all.end(), std::make_move_iterator(some->begin()), std::make_move_iterator(some->end()));
  }
  return all;
}

// Whether every istiod's store holds these objects and nothing else of the run's.
Result<std::string> ClusterWorld::store_gap(const std::vector<Json>& wanted) const {
  std::vector<std::string> namespaces = meshed_namespaces();
  namespaces.insert(namespaces.end(), places_.others.begin(), places_.others.end());
  for (const PortForward& istiod : istiods_) {
    const auto reply = mesh::http_get({istiod.url(8080) + "/debug/configz"}, http_limit);
    if (!reply) return "istiod's /debug/configz: " + reply.error().message;
    const Json store = Json::parse(reply->body, nullptr, false);
    if (!store.is_array()) return std::string("istiod's /debug/configz as a JSON array");
    if (std::string gap = cluster::store_gap(store, wanted, namespaces); !gap.empty()) return gap;
  }
  return std::string();
}

// Whether every istiod knows the Services among these objects.
Result<std::string> ClusterWorld::registry_gap(const std::vector<Json>& objects) const {
  if (std::none_of(objects.begin(), objects.end(), [](const Json& one) { return one.value("kind", "") == "Service"; }))
    return std::string();
  for (const PortForward& istiod : istiods_) {
    const auto reply = mesh::http_get({istiod.url(8080) + "/debug/registryz"}, http_limit);
    if (!reply) return "istiod's /debug/registryz: " + reply.error().message;
    const Json registry = Json::parse(reply->body, nullptr, false);
    if (!registry.is_array()) return std::string("istiod's /debug/registryz as a JSON array");
    if (std::string gap = cluster::registry_gap(registry, objects); !gap.empty()) return gap;
  }
  return std::string();
}

// What Envoy itself does not use yet, all proxies asked at once.
std::string ClusterWorld::envoy_gap(const std::string& cluster) const {
  std::vector<mesh::EnvoyAdmin> envoys;
  for (const Member& member : members_)
    if (member.proxied) envoys.push_back({"pod of " + member.name, {member.forward->url(envoy_admin_port)}});
  return mesh::envoy_gap(envoys, cluster, http_limit);
}

Result<std::string> ClusterWorld::barrier_gap(const std::vector<mesh::ProxyStatus>& before,
                                              const std::string& cluster) const {
  const auto status = proxy_status();
  if (!status) return status.error().message;
  std::vector<std::string> expected;
  for (const Member& member : members_)
    if (member.proxied) expected.push_back(member.pod.name + "." + member.pod.ns);
  if (auto gap = mesh::push_gap(before, *status, expected, mesh::Xds::delta); !gap || !gap->empty()) return gap;
  return envoy_gap(cluster);
}

std::vector<std::string> ClusterWorld::workload_namespaces() const {
  std::vector<std::string> namespaces;  // several workloads may share one
  for (const ProbePlace& probe : places_.probes)
    if (probe.meshed && std::find(namespaces.begin(), namespaces.end(), probe.ns) == namespaces.end())
      namespaces.push_back(probe.ns);
  return namespaces;
}

std::vector<std::string> ClusterWorld::meshed_namespaces() const {
  std::vector<std::string> namespaces = workload_namespaces();
  for (const GatewayPlace& gateway : places_.gateways) namespaces.push_back(gateway.ns);
  return namespaces;
}

// Applies what is wanted, takes away what is not any more. Returns the objects as the API server has them.
Result<std::vector<Json>> ClusterWorld::apply_objects(const std::vector<Json>& objects) {
  std::map<std::string, Json> wanted;
  std::vector<Json> labelled;
  for (Json object : objects) {
    object["metadata"]["labels"][run_label] = settings_.run_id;
    wanted[identity_of(object)] = object;
    labelled.push_back(std::move(object));
  }
  std::vector<Json> vanished;
  for (const auto& [identity, object] : applied_)
    if (wanted.count(identity) == 0) vanished.push_back(object);
  auto there = kubectl_.apply(labelled);
  if (!there) return there;
  // Only now: what takes the place of something is there before that goes.
  if (auto removed = kubectl_.remove(vanished, true); !removed) return tl::unexpected(removed.error());
  applied_ = std::move(wanted);
  return there;
}

Result<policy::Applied> ClusterWorld::put_in_place(const policy::Generation& generation,
                                                   const std::function<void()>& while_waiting) {
  auto objects = parse_objects(generation.manifests);
  if (!objects) return tl::unexpected(objects.error());
  std::map<std::string, std::string> nodes;
  for (const TargetMember& target : targets_) nodes[target.pod.address] = target.pod.node;
  *objects = placed(std::move(*objects), relocation_, nodes);
  add_open_sidecars(*objects, workload_namespaces());
  const auto before = proxy_status();
  if (!before) return tl::unexpected(before.error());
  policy::Applied applied;
  applied.generation = generation.number;
  applied.applied_at = clock_now();
  // The marker of the generation before stays until all else is stored: a marker seen means all is seen.
  const int marker = ++generations_;
  const auto markers = parse_objects(mesh::marker_manifests(marker, meshed_namespaces()));
  if (!markers) return tl::unexpected(markers.error());
  const auto old_markers = parse_objects(mesh::marker_manifests(marker - 1, meshed_namespaces()));
  std::vector<Json> first = *objects;
  if (marker > 1) first.insert(first.end(), old_markers->begin(), old_markers->end());
  auto there = apply_objects(first);
  if (!there) return tl::unexpected(there.error());
  std::vector<Json> istio;
  std::copy_if(there->begin(), there->end(), std::back_inserter(istio), of_istio);
  if (auto stored = await(
          barrier_limit, "the policies",
          [&]() -> Result<std::string> {
            auto gap = store_gap(istio);
            return gap && gap->empty() ? registry_gap(*there) : gap;
          },
          while_waiting);
      !stored)
    return tl::unexpected(stored.error());

  const auto stored = proxy_status();
  if (!stored) return tl::unexpected(stored.error());
  if (const auto rejected = mesh::new_rejections(*before, *stored); !rejected.empty())
    return fail(ErrorKind::environment, rejected.front());
  objects->insert(objects->end(), markers->begin(), markers->end());
  if (auto marked = apply_objects(*objects); !marked) return tl::unexpected(marked.error());
  if (auto used = await(
          barrier_limit, "every proxy to use the policies",
          [&] { return barrier_gap(*stored, mesh::marker_cluster(marker)); }, while_waiting);
      !used)
    return tl::unexpected(used.error());
  applied.acknowledged_at = clock_now();
  std::size_t proxies = 0;
  for (const Member& member : members_) proxies += member.proxied ? 1 : 0;
  applied.because = "marker " + std::to_string(marker) + " in use by all " + std::to_string(proxies) + " proxies of " +
                    std::to_string(istiods_.size()) + " istiod, nothing rejected or warming";
  return applied;
}

Result<policy::Applied> ClusterWorld::apply(const policy::Generation& generation,
                                            const std::function<void()>& while_waiting) {
  auto applied = put_in_place(generation, while_waiting);
  if (applied) return applied;
  Error error = applied.error();
  error.context.push_back("while applying generation " + std::to_string(generation.number));
  return tl::unexpected(std::move(error));
}

}  // namespace egressproof::backend::cluster
