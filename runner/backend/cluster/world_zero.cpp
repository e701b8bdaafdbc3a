// Knative Services that have no pod until the first batch wakes them, through the activator.
#include <algorithm>

#include "runner/backend/cluster/world.h"

namespace egressproof::backend::cluster {
namespace {

constexpr std::chrono::seconds zero_limit{60};
constexpr std::chrono::seconds forward_limit{20};

// Whether the activator would know it, and no pod is there: the newest revision, or what is awaited.
struct Sleeping {
  std::string revision;
  std::string gap;
};

Sleeping look_at(const Json& service, const Json& revisions) {
  const std::string name = service.value("status", Json::object()).value("latestCreatedRevisionName", "");
  if (name.empty()) return {"", "a revision"};
  for (const Json& revision : revisions.value("items", Json::array())) {
    if (revision["metadata"].value("name", "") != name) continue;
    for (const Json& condition : revision.value("status", Json::object()).value("conditions", Json::array()))
      if (condition.value("type", "") == "Ready" && condition.value("status", "") == "True") return {name, ""};
    return {name, "revision " + name + " to be ready"};
  }
  return {"", "revision " + name};
}

}  // namespace

Result<void> ClusterWorld::wait_zero() {
  std::vector<Member*> sleeping;
  for (Member& member : members_)
    if (member.from_zero) sleeping.push_back(&member);
  if (sleeping.empty()) return {};
  const auto place_of = [&](const Member& member) {
    return *std::find_if(places_.probes.begin(), places_.probes.end(),
                         [&](const ProbePlace& place) { return place.name == member.name; });
  };
  const auto asleep = await(zero_limit, "Knative Services without a pod", [&]() -> Result<std::string> {
    const auto pods = pods_of_run(kubectl_, settings_.run_id);
    if (!pods) return pods.error().message;
    for (Member* member : sleeping) {
      const ProbePlace place = place_of(*member);
      const auto service = kubectl_.get({"services.serving.knative.dev", object_name(place), "--namespace", place.ns});
      const auto revisions = kubectl_.get({"revisions.serving.knative.dev", "--namespace", place.ns});
      if (!service || !revisions) return (service ? revisions.error() : service.error()).message;
      const Sleeping seen = look_at(*service, *revisions);
      member->revision = seen.revision;
      member->missing = seen.gap.empty() ? "" : member->name + ": waited for " + seen.gap;
      if (!seen.gap.empty()) return member->missing;
      for (const Pod& pod : *pods)
        if (pod.probe == name_of(member->name)) return "pod " + pod.ns + "/" + pod.name + " to go";
    }
    return std::string();
  });
  if (!asleep && asleep.error().kind == ErrorKind::interrupted) return asleep;
  if (!asleep)
    for (Member* member : sleeping)
      if (member->missing.empty()) member->missing = asleep.error().message;
  const auto activators = kubectl_.get({"pods", "--namespace", knative_namespace, "--selector", "app=activator"});
  if (!activators) return tl::unexpected(activators.error());
  const auto pods = parse_pods(*activators);
  const auto activator = std::find_if(pods.begin(), pods.end(), [](const Pod& pod) { return pod.ready; });
  for (Member* member : sleeping) {
    if (!member->missing.empty()) continue;
    if (activator == pods.end()) {
      member->missing = "no pod of Knative's activator is ready";
      continue;
    }
    auto forward = PortForward::start(kubectl_, knative_namespace, activator->name, {activator_port});
    if (!forward) return tl::unexpected(forward.error());
    member->forward.emplace(std::move(*forward));
  }
  return {};
}

std::string ClusterWorld::awake(const ProbePlace& place) const {
  for (const Member* member : members_of(place.pod)) {
    if (!member->from_zero) continue;
    const auto pods = pods_of_run(kubectl_, settings_.run_id);
    if (!pods) return pods.error().message;
    for (const Pod& pod : *pods)
      if (pod.probe == name_of(member->name))
        return "pod " + pod.ns + "/" + pod.name + " was there before the first request, so it did not start from zero";
  }
  return {};
}

void ClusterWorld::find_woken() {
  if (std::none_of(members_.begin(), members_.end(), [](const Member& member) { return member.from_zero; })) return;
  const auto pods = pods_of_run(kubectl_, settings_.run_id);
  if (!pods) return;  // its records will be missing, which tells
  for (Member& member : members_) {
    if (!member.from_zero) continue;
    const auto woken = std::find_if(pods->begin(), pods->end(), [&](const Pod& pod) {
      return pod.probe == name_of(member.name) && pod.ready && !pod.ending;
    });
    if (woken == pods->end()) continue;
    member.pod = *woken;
    // From now on it is a pod as any other: reached itself, and its proxy is asked what it uses.
    std::vector<int> ports;
    for (const ProbePlace& probe : places_.probes)
      if (probe.pod == member.name) ports.push_back(probe.port);
    if (woken->proxied) ports.push_back(envoy_admin_port);
    auto forward = PortForward::start(kubectl_, woken->ns, woken->name, ports);
    if (!forward) continue;
    const auto reachable = await(forward_limit, "the port-forward to " + woken->name, [&]() -> Result<std::string> {
      const auto ready = forward->ready();
      if (!ready) return tl::unexpected(ready.error());
      return *ready ? std::string() : std::string("its ports");
    });
    if (!reachable) continue;
    member.forward.emplace(std::move(*forward));
    member.proxied = woken->proxied;
    member.from_zero = false;
  }
}

}  // namespace egressproof::backend::cluster
