// The enforcement canary: two harness-owned fixtures that no policy of the suite names. One gets a ServiceEntry from
// the harness and must be reachable, the other gets none and must not, in every profile that denies by default. Before
// any policy both must be reachable; so "in force" is a change that was seen, each way.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "probe/codec.h"
#include "runner/plan/plan.h"
#include "runner/policy/applied.h"
#include "runner/scenario/scenario.h"
#include "target/codec.h"

namespace egressproof::run {

// On TEST-NET-1 (RFC 5737) and a port of their own: a ServiceEntry on 80 or 443 would change what those ports answer.
inline constexpr const char* canary_listed_address = "192.0.2.250";
inline constexpr const char* canary_unlisted_address = "192.0.2.251";
inline constexpr std::uint16_t canary_port = 61998;

std::vector<scenario::Fixture> canary_fixtures();
// A ServiceEntry (TCP, STATIC, with the address as VIP) for the listed canary in each meshed profile's namespace.
std::string canary_manifests(const std::vector<scenario::Profile>& profiles);

}  // namespace egressproof::run
