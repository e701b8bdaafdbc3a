// Which profiles share a namespace, and what Kubernetes knows of their pods. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

// Before the name of each label that Knative itself gives to the pods of a Service.
inline constexpr const char* knative_labels = "serving.knative.dev/";

// Labels of the workload's pods: those that Knative gives to the pods of a named Service, and the template's own.
std::map<std::string, std::string> pod_labels(const Profile& profile);

// Whose gateway the profile uses: the first profile of its namespace, whose name the gateway's pod bears
// ("P6.gateway").
const Profile& gateway_owner(const std::vector<Profile>& profiles, const Profile& profile);

}  // namespace egressproof::scenario
