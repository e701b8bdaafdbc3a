// What egressproof-target is told: the suite's fixtures and records as listeners and DNS records. Pure.
#pragma once

#include <map>
#include <string>

#include "runner/scenario/scenario.h"
#include "target/codec.h"

namespace egressproof::backend {

// Fixtures outside of the mesh, records and zones; addresses, journal and CA file are for the caller to set. `keys`:
// fixture -> key; a fixture without a key is an Error (kind internal).
Result<target::Config> target_config(const scenario::Suite& suite, const std::map<std::string, std::string>& keys);

}  // namespace egressproof::backend
