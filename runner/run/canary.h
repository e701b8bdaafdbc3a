// The enforcement canary: two harness-owned fixtures that no policy of the suite names. One gets a ServiceEntry from
// the harness and must be reachable, the other gets none and must not, in every profile that denies by default. Before
// any policy both must be reachable; so "in force" is a change that was seen, each way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "probe/codec.h"
#include "runner/backend/backend.h"
#include "runner/plan/plan.h"
#include "runner/policy/applied.h"
#include "runner/scenario/scenario.h"
#include "target/codec.h"

namespace egressproof::run {

// On TEST-NET-1 (RFC 5737) and a port of their own: a ServiceEntry on 80 or 443 would change what those ports answer.
inline constexpr const char* canary_listed_address = "192.0.2.250";
inline constexpr const char* canary_unlisted_address = "192.0.2.251";
inline constexpr std::uint16_t canary_port = 61998;
inline constexpr const char* canary_listed_fixture = "canary-listed";
inline constexpr const char* canary_unlisted_fixture = "canary-unlisted";

std::vector<scenario::Fixture> canary_fixtures();
// A ServiceEntry (TCP, STATIC, with the address as VIP) for the listed canary in each meshed profile's namespace.
std::string canary_manifests(const std::vector<scenario::Profile>& profiles);

// Who looks at the canaries: the probe of a profile, and in a profile whose NetworkPolicies are for egress also one
// that the sidecar does not capture. There both canaries must turn to denied: no NetworkPolicy may allow them, and the
// sidecar alone would deny the unlisted one in any case.
struct Lookout {
  std::string pod;  // whose probe: the profile's name, or past_proxy_probe()'s
  std::string profile;
  bool default_deny = false;  // policy::default_deny
  bool by_network = false;    // policy::isolates_egress, and not overridden
  bool past_proxy = false;
  bool overridden = false;  // Profile::default_deny_overridden: the unlisted canary must stay reachable
  // Profile::network_policy_overridden: the network must stop nothing, so that past the sidecar both stay reachable.
  bool network_overridden = false;
  [[nodiscard]] bool turns() const { return default_deny || by_network; }  // whether a canary changes with the policy
};
std::vector<Lookout> lookouts(const std::vector<scenario::Profile>& profiles);

// The probe that sends past the sidecar of a profile, where one is needed. Named as plan::make() names them.
std::optional<plan::ExtraProbe> past_proxy_probe(const scenario::Profile& profile);

// What one canary attempt told. A probe that could not try, an answer without a receipt, or a receipt without an answer
// is unclear: neither allowed nor denied.
enum class Sight { unclear, allowed, denied };
std::string to_string(Sight sight);

struct CanarySight {
  Sight sight = Sight::unclear;
  policy::TimePoint at{0};  // when the attempt began; 0: the probe never told
  std::string why;          // of unclear
};

struct CanaryLook {
  CanarySight listed, unlisted;
};

// Judges one attempt by its observation and the receipts. Pure.
CanarySight judge_canary(const probe::Attempt& attempt, const probe::BatchResult& seen, const target::Journal& journal,
                         const target::Fixture& fixture);

// Sends canaries from all pods, time and again.
class CanaryRounds {
 public:
  // `world` is borrowed.
  CanaryRounds(backend::World& world, const std::vector<scenario::Profile>& profiles,
               const std::map<std::string, std::string>& keys);
  // One attempt at each canary by every lookout, all at once. By Lookout::pod.
  Result<std::map<std::string, CanaryLook>> look();

 private:
  backend::World& world_;
  std::vector<Lookout> lookouts_;
  target::Fixture listed_, unlisted_;
  int round_ = 0;
};

}  // namespace egressproof::run
