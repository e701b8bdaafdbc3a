// The suite's zones in the cluster's DNS: a server block of our own in CoreDNS's configuration, between two marks by
// which any later run finds and removes it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runner/backend/cluster/kubectl.h"

namespace egressproof::backend::cluster {

// Pure. The Corefile without a block of ours, and with one that forwards `zones` to `server` (address of a pod).
// Nothing is cached there: records of the suite change from answer to answer.
std::string without_stub_domain(const std::string& corefile);
std::string with_stub_domain(const std::string& corefile, const std::vector<std::string>& zones,
                             const std::string& server);

// Edits the ConfigMap kube-system/coredns; what somebody else changed meanwhile is kept (the edit is tried again). Both
// do nothing where nothing is to be changed. Errors: kind environment.
Result<void> add_stub_domain(const Kubectl& kubectl, const std::vector<std::string>& zones, const std::string& server);
Result<void> remove_stub_domain(const Kubectl& kubectl);

}  // namespace egressproof::backend::cluster
