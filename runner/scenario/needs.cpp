#include "runner/scenario/needs.h"

#include <algorithm>

namespace egressproof::scenario {

const std::vector<std::string> known_needs{"kubernetes",
                                           "network-policy",
                                           "http3",
                                           "ipv6",
                                           "knative",
                                           "ambient",
                                           "pod-template",
                                           "pod-acts",
                                           "host-network",
                                           "tenant-objects",
                                           "faults",
                                           "udp",
                                           "icmp",
                                           "capabilities",
                                           "scale-from-zero",
                                           "workloads",
                                           "inbound",
                                           "policy-changes",
                                           "capture-port-log",
                                           "creation-times",
                                           "workload-certificate",
                                           "ipv6-pods",
                                           "record-changes",
                                           "mesh-fetches",
                                           "kernel-witness"};

bool has_need(const Case& one, const std::string& need) {
  return std::find(one.needs.begin(), one.needs.end(), need) != one.needs.end();
}

std::string policy_need(const PolicyObject& object) {
  const std::string group = object.api_version.substr(0, object.api_version.find('/'));
  if (object.kind == "NetworkPolicy") return "network-policy";
  const std::string istio = ".istio.io";
  const bool of_istio =
      group.size() > istio.size() && group.compare(group.size() - istio.size(), istio.size(), istio) == 0;
  return of_istio || group.empty() ? "" : "kubernetes";
}

void add_need(Case& one, const std::string& need) {
  if (!has_need(one, need)) one.needs.push_back(need);
}

}  // namespace egressproof::scenario
