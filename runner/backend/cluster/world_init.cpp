// Pods of cases whose attempt is sent by an init container: nobody can reach into a pod that still starts, so that the
// batch is mounted and what came of it is read from the container's log.
#include <algorithm>
#include <sstream>

#include "runner/backend/cluster/world.h"

namespace egressproof::backend::cluster {
namespace {

constexpr int one_at_a_time = 1;
constexpr std::chrono::seconds ended_limit{60};
constexpr std::chrono::seconds ready_limit{45};

// Whether the init container ran to its end.
bool has_ended(const Json& pod) {
  for (const Json& container : pod.value("status", Json::object()).value("initContainerStatuses", Json::array()))
    if (container.value("name", "") == init_container)
      return container.value("state", Json::object()).contains("terminated");
  return false;
}

}  // namespace

Result<void> ClusterWorld::begin_init(const ProbePlace& place, const std::string& batch,
                                      const std::vector<probe::Attempt>& attempts) {
  std::string lines = probe::encode_batch_begin(batch, one_at_a_time) + "\n";
  for (const probe::Attempt& attempt : attempts) lines += probe::encode(relocation_.to_cluster(attempt)) + "\n";
  lines += probe::encode_batch_run() + "\n";
  if (auto made = kubectl_.apply(init_pod_objects(place, lines, common_)); !made) return tl::unexpected(made.error());
  return {};
}

probe::BatchResult ClusterWorld::end_init(const ProbePlace& place, const std::string& batch,
                                          const std::vector<probe::Attempt>& attempts) {
  Member& member =
      *std::find_if(members_.begin(), members_.end(), [&](const Member& one) { return one.name == place.name; });
  const std::string name = object_name(place);
  const auto ended =
      await(ended_limit, "the init container of pod " + place.ns + "/" + name, [&]() -> Result<std::string> {
        const auto pod = kubectl_.get({"pod", name, "--namespace", place.ns});
        if (!pod) return pod.error().message;
        return has_ended(*pod) ? std::string() : "its end; the pod is " + pod->at("status").value("phase", "");
      });
  probe::BatchReader reader(batch, attempts);
  const auto log = ended ? kubectl_.run({"logs", "--namespace", place.ns, name, "--container", init_container})
                         : tl::unexpected(ended.error());
  if (log) {
    std::istringstream lines(*log);
    for (std::string line; std::getline(lines, line);)
      if (line.find("\"hello\"") == std::string::npos && reader.feed(line)) break;  // hello comes before any batch
  }
  probe::BatchResult result = reader.finish();
  if (!log) result.errors.insert(result.errors.begin(), log.error().message);
  // From now on a pod as any other, whose proxy has records and is asked what it uses.
  const auto ready = await(ready_limit, "pod " + place.ns + "/" + name, [&]() -> Result<std::string> {
    const auto pods = pods_of_run(kubectl_, settings_.run_id);
    if (!pods) return pods.error().message;
    const auto mine = std::find_if(pods->begin(), pods->end(),
                                   [&](const Pod& pod) { return pod.ns == place.ns && pod.name == name; });
    if (mine == pods->end()) return "pod " + name;
    member.pod = *mine;
    return mine->ready ? std::string() : describe(*mine);
  });
  if (!ready) return result;
  auto forward = PortForward::start(kubectl_, place.ns, name, {place.port, envoy_admin_port});
  if (!forward) return result;
  const auto forwarded = await(ready_limit, "the port-forward to " + name, [&]() -> Result<std::string> {
    const auto there = forward->ready();
    if (!there) return tl::unexpected(there.error());
    return *there ? std::string() : std::string("its ports");
  });
  if (!forwarded) return result;
  member.forward.emplace(std::move(*forward));
  member.proxied = member.pod.proxied;
  member.at_attempt = false;
  return result;
}

}  // namespace egressproof::backend::cluster
