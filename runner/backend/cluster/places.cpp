#include "runner/backend/cluster/places.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "base/crypto.h"
#include "runner/scenario/workload.h"

namespace egressproof::backend::cluster {
namespace {

constexpr int tenant_id = 1000;  // uid and gid of the probe: an ordinary tenant process
constexpr int proxy_id = 1337;   // uid and gid of Istio's proxy
constexpr const char* proxy_container = "istio-proxy";
constexpr const char* default_account = "default";  // every namespace has it

}  // namespace

// A Knative Service's name is part of those of its revisions and pods: kept short.
std::string object_name(const ProbePlace& own) {
  constexpr std::size_t longest = 36;
  const std::string workload = own.workload.empty() ? "probe" : own.workload;
  if (own.name == own.profile) return workload;
  std::string name = workload + "-" + name_of(own.name.substr(own.profile.size() + 1));
  if (name.size() > longest) name = name.substr(0, longest - 7) + "-" + sha256_hex(name).substr(0, 6);
  return name;
}

std::string name_of(const std::string& probe) {
  std::string name;
  for (const char c : probe)
    name += std::isalnum(static_cast<unsigned char>(c)) != 0
                ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                : '-';
  return name;
}

std::string target_pod(const std::string& fixture) { return "target-" + name_of(fixture); }

Result<Places> place(const std::vector<scenario::Profile>& profiles, const std::vector<ExtraProbe>& extra,
                     Workload workload) {
  Places places;
  std::set<std::string> namespaces{targets_namespace};
  std::set<std::string> names;
  const auto taken = [&](const std::string& ns) { return !namespaces.insert(ns).second; };
  for (const scenario::Profile& profile : profiles) {
    const bool meshed = profile.mesh == scenario::Mesh::sidecar;
    const bool first = profile.workload.empty() || &scenario::gateway_owner(profiles, profile) == &profile;
    // Those with a workload's name share theirs with each other.
    if (first && (taken(profile.ns) || (!profile.gateway.empty() && taken(profile.gateway))))
      return fail(ErrorKind::scenario,
                  "profile " + profile.name + " shares a namespace with another profile or with the targets");
    ProbePlace place{profile.name,
                     profile.name,
                     profile.name,
                     profile.ns,
                     agent_port,
                     "1/1",
                     tenant_id,
                     tenant_id,
                     meshed,
                     meshed,
                     meshed && workload == Workload::knative};
    place.workload = profile.workload;
    place.labels = place.knative || profile.workload.empty() ? profile.labels : scenario::pod_labels(profile);
    place.service_labels = profile.service_labels;
    if (profile.service_account != default_account) place.service_account = profile.service_account;
    places.probes.push_back(std::move(place));
    names.insert(name_of(profile.name));
    if (first && !profile.gateway.empty()) places.gateways.push_back({profile.name + ".gateway", profile.gateway});
  }
  for (const scenario::Profile& profile : profiles)
    for (const auto* objects : {&profile.policies, &profile.added})
      for (const scenario::PolicyObject& object : *objects)
        if (!object.ns.empty() && namespaces.insert(object.ns).second) places.others.push_back(object.ns);
  std::map<std::string, int> next_port;
  for (const ExtraProbe& one : extra) {
    const auto pod = std::find_if(places.probes.begin(), places.probes.end(),
                                  [&](const ProbePlace& it) { return it.name == one.pod; });
    if (pod == places.probes.end() || !names.insert(name_of(one.name)).second)
      return fail(ErrorKind::scenario, "extra probe '" + one.name + "' of pod '" + one.pod +
                                           "' has no such pod, or a name that another probe has in the cluster");
    const bool as_proxy = one.uid == proxy_id || one.gid == proxy_id;  // Istio's rules let either pass
    ProbePlace place = *pod;
    place.name = one.name;
    place.port = first_extra_port + next_port[one.pod]++;
    if (one.own_pod && one.own_pod->ephemeral) {
      place.tenant = *one.own_pod;
    } else if (one.own_pod) {
      place.pod = one.name;
      place.tenant = *one.own_pod;
      place.knative = pod->knative && one.own_pod->knative;
      // Elsewhere a well-known port may be somebody's: of the node's own network, or the proxy's, which without capture
      // listens on the ports of all Services.
      if (place.knative) place.port = agent_port;
      if (one.own_pod->container == proxy_container) place.port = uncaptured_port;
    }
    place.uid = one.uid;
    place.gid = one.gid;
    place.captured = pod->meshed && !as_proxy;
    places.probes.push_back(std::move(place));
  }
  std::map<std::string, int> count, index;
  for (const ProbePlace& place : places.probes) ++count[place.pod];
  for (ProbePlace& place : places.probes)
    place.port_share = std::to_string(++index[place.pod]) + "/" + std::to_string(count[place.pod]);
  return places;
}

}  // namespace egressproof::backend::cluster
