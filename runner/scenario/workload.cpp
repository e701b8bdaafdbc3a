#include "runner/scenario/workload.h"

#include <algorithm>

namespace egressproof::scenario {

std::map<std::string, std::string> pod_labels(const Profile& profile) {
  const std::string& name = profile.workload;
  std::map<std::string, std::string> labels = profile.labels;
  if (name.empty()) {
    labels.insert({{"app", "probe"}, {"service.istio.io/canonical-name", "probe"}});
    return labels;
  }
  const std::string revision = name + "-00001";
  labels.insert({{"app", revision},
                 {"serving.knative.dev/configuration", name},
                 {"serving.knative.dev/revision", revision},
                 {"serving.knative.dev/service", name},
                 {"service.istio.io/canonical-name", name}});
  return labels;
}

const Profile& gateway_owner(const std::vector<Profile>& profiles, const Profile& profile) {
  const auto first = std::find_if(profiles.begin(), profiles.end(), [&](const Profile& one) {
    return one.ns == profile.ns && one.gateway == profile.gateway;
  });
  return first == profiles.end() ? profile : *first;
}

}  // namespace egressproof::scenario
