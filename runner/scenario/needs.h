// What a case may need of a backend (docs/scenario-format.md says what each is).
#pragma once

#include <string>
#include <vector>

namespace egressproof::scenario {

inline const std::vector<std::string> known_needs{"kubernetes",
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
                                                  "mesh-fetches"};

}  // namespace egressproof::scenario
