// What comes into a namespace when its workloads are up already: pods that are created while their namespace has other
// labels, and ephemeral containers.
#include <algorithm>
#include <set>

#include "runner/backend/cluster/world.h"

namespace egressproof::backend::cluster {
namespace {

constexpr std::chrono::seconds created_limit{45};
constexpr std::chrono::seconds ephemeral_limit{45};

// "kubectl label" takes "key-" for a label that shall go.
std::vector<std::string> label_arguments(const std::string& ns, const std::map<std::string, std::string>& labels,
                                         const std::string& revision) {
  std::vector<std::string> args{"label", "namespace", ns, "--overwrite"};
  for (const auto& [key, value] : labels) {
    args.push_back(value.empty() ? key + "-" : key + "=" + value);
    // Where injection goes by revision, that label is the one to lose.
    if (value.empty() && key == "istio-injection" && !revision.empty()) args.emplace_back("istio.io/rev-");
  }
  return args;
}

const Json* status_of(const Json& pod, const std::string& container) {
  const auto status = pod.find("status");
  if (status == pod.end() || !status->contains("ephemeralContainerStatuses")) return nullptr;
  const Json& all = status->at("ephemeralContainerStatuses");
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Json& one) { return one.value("name", "") == container; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

Result<void> ClusterWorld::add_late() {
  if (auto done = add_relabelled(); !done) return done;
  for (const ProbePlace& place : places_.probes)
    if (place.tenant.ephemeral)
      if (auto done = add_ephemeral(place); !done) return done;
  std::set<std::string> refused;
  for (const auto& [probe, why] : absent_) refused.insert(probe);
  // One that does not come up is told of the cases that need it, as with pods of cases.
  const auto up = await(ephemeral_limit, "ephemeral containers", [&] { return ephemeral_gap(refused); });
  if (!up && up.error().kind == ErrorKind::interrupted) return up;
  return {};
}

// Each namespace has one set of labels at a time; those of several namespaces are changed together.
Result<void> ClusterWorld::add_relabelled() {
  std::map<std::string, std::map<std::map<std::string, std::string>, std::vector<const ProbePlace*>>> by_namespace;
  for (const ProbePlace& place : places_.probes)
    if (!place.tenant.namespace_labels.empty()) by_namespace[place.ns][place.tenant.namespace_labels].push_back(&place);
  while (!by_namespace.empty()) {
    std::vector<Json> objects, namespaces;
    std::vector<std::string> awaited;
    for (auto ns = by_namespace.begin(); ns != by_namespace.end();) {
      const auto& [labels, places] = *ns->second.begin();
      if (auto done = kubectl_.run(label_arguments(ns->first, labels, common_.istio_revision)); !done)
        return tl::unexpected(done.error());
      for (const ProbePlace* place : places) {
        objects.push_back(probe_object({*place}, common_));
        awaited.push_back(place->name);
      }
      namespaces.push_back(namespace_object(ns->first, places.front()->meshed, common_));
      ns->second.erase(ns->second.begin());
      ns = ns->second.empty() ? by_namespace.erase(ns) : std::next(ns);
    }
    if (auto made = kubectl_.apply(objects); !made) return tl::unexpected(made.error());
    const auto created = await(created_limit, "pods of cases", [&]() -> Result<std::string> {
      const auto pods = pods_of_run(kubectl_, settings_.run_id);
      if (!pods) return pods.error().message;
      for (const std::string& name : awaited)
        if (std::none_of(pods->begin(), pods->end(), [&](const Pod& pod) { return pod.probe == name_of(name); }))
          return "a pod of probe " + name;
      return std::string();
    });
    if (!created && created.error().kind == ErrorKind::interrupted) return created;
    if (auto restored = kubectl_.apply(namespaces); !restored) return tl::unexpected(restored.error());
  }
  return {};
}

// By the subresource, as kubectl debug does.
Result<void> ClusterWorld::add_ephemeral(const ProbePlace& place) {
  const Pod& pod = members_of(place.pod).front()->pod;
  auto object = kubectl_.get({"pod", pod.name, "--namespace", pod.ns});
  if (!object) return tl::unexpected(object.error());
  (*object)["spec"]["ephemeralContainers"].push_back(ephemeral_container(place, common_));
  const std::string path = "/api/v1/namespaces/" + pod.ns + "/pods/" + pod.name + "/ephemeralcontainers";
  if (const auto added = kubectl_.run({"replace", "--raw", path, "--filename", "-"}, object->dump()); !added)
    absent_[place.name] = "the ephemeral container was refused: " + added.error().message;
  return {};
}

Result<std::string> ClusterWorld::ephemeral_gap(const std::set<std::string>& refused) {
  std::string gap;
  for (const ProbePlace& place : places_.probes) {
    if (!place.tenant.ephemeral || refused.count(place.name) != 0) continue;
    const Pod& pod = members_of(place.pod).front()->pod;
    const auto object = kubectl_.get({"pod", pod.name, "--namespace", pod.ns});
    if (!object) return object.error().message;
    const Json* status = status_of(*object, ephemeral_container(place, common_)["name"]);
    const Json state = status == nullptr ? Json::object() : status->value("state", Json::object());
    if (state.contains("running")) {
      absent_.erase(place.name);
      continue;
    }
    gap = "ephemeral container of " + place.name + " in pod " + pod.ns + "/" + pod.name + ": " + state.dump();
    absent_[place.name] = gap;
  }
  return gap;
}

}  // namespace egressproof::backend::cluster
