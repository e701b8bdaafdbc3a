// Follows the canaries of all profiles through one change of policies. Pure.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "runner/policy/applied.h"
#include "runner/run/canary.h"

namespace egressproof::run {

// How both canaries must look once the change is in force.
struct Wanted {
  Sight listed = Sight::allowed;
  Sight unlisted = Sight::allowed;
};

enum class Change {
  nothing,   // before any policy: both allowed everywhere
  policies,  // profiles that deny by default: the unlisted denied, the listed allowed; by network: both denied; all
             // others, those whose default deny is overridden among them, and what is past a sidecar where
             // NetworkPolicy is: both allowed
  revoked    // the listed canary's ServiceEntry is gone: both denied in profiles that deny by default
};
Wanted wanted(Change change, const Lookout& lookout);

class TurnWatch {
 public:
  // All that lookouts() gives.
  TurnWatch(Change change, const std::vector<scenario::Profile>& profiles);

  void see(const std::map<std::string, CanaryLook>& looks);  // by Lookout::pod
  // Whether the newest clear look at every canary was right.
  [[nodiscard]] bool complete() const;
  [[nodiscard]] std::size_t right_profiles() const;
  [[nodiscard]] std::size_t profiles() const { return profiles_; }
  // What is not right yet: "P3: the unlisted canary is allowed, wanted denied". Empty: complete.
  [[nodiscard]] std::vector<std::string> gaps() const;
  // Profiles whose default deny is overridden, as they say: what nothing lists was reachable at the newest clear look.
  // "PTa, PSo"; empty: none. With a NetworkPolicy the canaries do not show it.
  [[nodiscard]] std::string overridden() const;
  // The same of those whose NetworkPolicy is: past the sidecar what no policy allows was reachable.
  [[nodiscard]] std::string network_overridden() const;
  // Start of the newest first right attempt among the canaries that turned; 0: none had to.
  [[nodiscard]] policy::TimePoint turned_at() const;
  // policies: fills enforcement and admission; revoked: fills revocation. Profiles that deny by default have an entry
  // in each; those with a NetworkPolicy have one more in enforcement, of what was seen past the proxy, and none in the
  // other two. All others have one in admission only when a canary is lost there (turned = false). `changed_at`: when
  // the generation was applied.
  void fill(policy::Applied& applied, policy::TimePoint changed_at) const;

 private:
  struct Followed {
    policy::CanaryTurn turn;
    CanarySight last;  // newest, unclear ones included
  };
  struct Both {
    Lookout lookout;
    Wanted wanted;
    Followed listed, unlisted;
  };
  static void follow(Followed& followed, const CanarySight& sight, bool is_new, bool is_old);
  Change change_;
  std::size_t profiles_ = 0;
  std::vector<std::string> order_;  // pods
  std::map<std::string, Both> states_;
};

// After the probes: marks the turns of profiles whose canaries are no longer right (turned = false, lost_at set) and
// returns one sentence for each. An unclear look has a sentence too, but unmakes no turn: it is no sight of a change.
std::vector<std::string> mark_lost(policy::Applied& applied, const std::vector<scenario::Profile>& profiles,
                                   const std::map<std::string, CanaryLook>& looks);

// How much longer than written long-lived attempts must last, so that the next change is in force before they end: that
// is for a change that takes as long as usual, and where the policies took longer to be in force, it will too.
std::chrono::milliseconds stretch_of(const policy::Applied& policies);

// Whether a canary of any profile was not seen clearly.
bool any_unclear(const std::map<std::string, CanaryLook>& looks);

}  // namespace egressproof::run
