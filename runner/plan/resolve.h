// From an attempt as written to an attempt as sent. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "probe/attempt.h"
#include "runner/plan/directory.h"
#include "runner/scenario/scenario.h"

namespace egressproof::plan {

struct Resolved {
  probe::Attempt attempt;  // without sequence, id and nonce
  std::string fixture;     // dialled, or owner of the name (by DNS, else by role); empty: nobody's
};

// client: addresses as a client of the profile gets them (Profile::dialled). real: the same bytes, dialled to the
// fixture's own address, or to what its name resolves to.
enum class Dialling { client, real };

// Error kind scenario: an unknown placeholder, role or fixture (with the nearest name), a fixture without an address of
// the family, or whatever the probe would refuse.
Result<Resolved> resolve(const Directory& directory, const scenario::AttemptSpec& spec, Dialling dialling);

// Where a request that follows its Host (absolute-form and :authority first) or, over TLS, its SNI ends up instead of
// `target`: the fixture of the role of that name, else of the name's owner, else of the role "allowed" (a listener that
// ignores names leads to what the profile allows). Empty: none but `target` itself.
std::string rerouted_to(const Directory& directory, const probe::Attempt& attempt, const std::string& target);

}  // namespace egressproof::plan
