#include <algorithm>

#include "runner/backend/lab/world.h"

namespace egressproof::backend::lab {
namespace {
constexpr int proxy_id = 1337;   // uid and gid of Istio's proxy
constexpr int tenant_id = 1000;  // of the probe: an ordinary tenant process
}  // namespace

Result<std::vector<ProbePlace>> place_probes(const std::vector<PodPlace>& pods, const std::vector<ExtraProbe>& extra) {
  std::vector<ProbePlace> places;
  for (std::size_t i = 0; i < pods.size(); ++i)
    if (!pods[i].router && !pods[i].tenant) places.push_back({pods[i].name, i, tenant_id, tenant_id, pods[i].meshed});
  for (const ExtraProbe& one : extra) {
    const auto pod = std::find_if(pods.begin(), pods.end(), [&](const PodPlace& place) {
      return place.name == (one.own_pod ? one.name : one.pod) && one.own_pod.has_value() == place.tenant.has_value();
    });
    if (pod == pods.end())
      return fail(ErrorKind::scenario,
                  "extra probe '" + one.name + "' is of pod '" + one.pod + "', which is not there");
    if (one.name.empty() || one.name.find('/') != std::string::npos ||
        std::any_of(places.begin(), places.end(), [&](const ProbePlace& place) { return place.name == one.name; }))
      return fail(ErrorKind::scenario, "'" + one.name + "' cannot be the name of another probe");
    const bool as_proxy = one.uid == proxy_id || one.gid == proxy_id;  // Istio's rules let either pass
    // Nobody waits for the records of a pod of a case: whether its proxy captures anything is what the case is about.
    places.push_back({one.name, static_cast<std::size_t>(pod - pods.begin()), one.uid, one.gid,
                      pod->meshed && !as_proxy && !one.own_pod, one.capabilities});
  }
  return places;
}

}  // namespace egressproof::backend::lab
