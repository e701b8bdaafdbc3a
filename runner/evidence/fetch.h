// A request that the mesh makes because a policy names it. It bears no nonce: it is known by where it goes, what it
// asks for and whose address it comes from, and its target is a fixture that no attempt of a probe from there goes to.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "runner/plan/plan.h"
#include "runner/policy/mesh_record.h"
#include "target/codec.h"

namespace egressproof::evidence {

struct Fetch {
  // By number: at the target, from `sources`, on connections that carry no nonce; of requests those for the cell's
  // path.
  std::vector<target::Receipt> received;
  std::vector<policy::MeshRecord> logged;  // what the network plugin says of the pod's own connections to the target
};

Fetch fetch_of(const plan::Cell& cell, const std::vector<std::string>& sources, const target::Journal& journal,
               const std::vector<policy::MeshRecord>& records);

}  // namespace egressproof::evidence
