// The user's manifests as the policies of profiles: referenced where they can be applied as they stand, else copied
// and, where the lab's names differ, changed. Pure.
#pragma once

#include <string>
#include <vector>

#include "runner/draft/model.h"

namespace egressproof::draft {

struct CopiedObject {
  scenario::PolicyObject object;     // `at`: in the user's manifest
  std::vector<std::string> changes;  // "spec.selector is now {istio: egress}: the label of the lab's gateway"
};

struct PolicySet {
  std::string ns;                       // of the workload
  std::vector<std::string> references;  // files, as they were read
  std::vector<CopiedObject> copies;
};

// One a workload, in their order. An object of a namespace that is no workload's and no gateway's stands in the first.
std::vector<PolicySet> policy_sets(const Manifests& manifests, const Model& model, const std::string& default_ns);

}  // namespace egressproof::draft
