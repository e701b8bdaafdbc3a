// Connections that a sidecar knows by another source port than the probe. Pure; borrows what it indexes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/evidence/batches.h"
#include "runner/evidence/index.h"
#include "runner/plan/plan.h"

namespace egressproof::evidence {

// Two connections of one pod may use the same source port for different destinations. Capture sends both to the one
// port of the sidecar, so the kernel must give the second another source port, and that is what the sidecar logs. Such
// a record is an attempt's only where nothing else is possible: the attempt's last connection has no other record, the
// record no other attempt; proxy, destination, SNI and time fit; and there is one of each.
class Remapped {
 public:
  Remapped(const plan::Plan& plan, const Batches& batches, const RecordIndex& index,
           const std::vector<policy::MeshRecord>& records);
  // nullptr: none.
  [[nodiscard]] const policy::MeshRecord* record_of(const std::string& nonce) const;

 private:
  std::map<std::string, const policy::MeshRecord*> by_nonce_;
};

}  // namespace egressproof::evidence
