#include "runner/run/turn.h"

#include <algorithm>
#include <set>

namespace egressproof::run {
namespace {

// Nothing but NetworkPolicies that are overridden could stop its canaries.
bool stands_open(const Lookout& lookout) {
  return lookout.network_overridden && !lookout.turns() && !lookout.overridden;
}

std::string gap(const Lookout& lookout, const char* which, const CanarySight& seen, Sight wanted) {
  std::string text = lookout.profile + ": the " + which + " canary is " + to_string(seen.sight);
  text += lookout.past_proxy ? " past the proxy, wanted " : ", wanted ";
  text += to_string(wanted);
  if (lookout.by_network && wanted == Sight::denied && seen.sight == Sight::allowed)
    text += ": the network plugin does not enforce NetworkPolicy, or no policy selects the pod";
  if (lookout.overridden && wanted == Sight::allowed && seen.sight == Sight::denied)
    text += ": the default deny that the profile says is overridden was not";
  if (stands_open(lookout) && wanted == Sight::allowed && seen.sight == Sight::denied)
    text += ": the NetworkPolicy that the profile says is overridden was not";
  if (!seen.why.empty()) text += " (" + seen.why + ")";
  return text;
}

}  // namespace

Wanted wanted(Change change, const Lookout& lookout) {
  if (change == Change::nothing || !lookout.turns()) return {Sight::allowed, Sight::allowed};
  if (lookout.by_network) return {Sight::denied, Sight::denied};
  return {change == Change::policies ? Sight::allowed : Sight::denied, Sight::denied};
}

TurnWatch::TurnWatch(Change change, const std::vector<scenario::Profile>& profiles) : change_(change) {
  profiles_ = profiles.size();
  for (Lookout& lookout : lookouts(profiles)) {
    Both both;
    both.wanted = wanted(change, lookout);
    both.listed.turn.profile = both.unlisted.turn.profile = lookout.profile;
    both.listed.last.why = both.unlisted.last.why = "no attempt yet";
    order_.push_back(lookout.pod);
    both.lookout = std::move(lookout);
    states_.emplace(order_.back(), std::move(both));
  }
}

void TurnWatch::follow(Followed& followed, const CanarySight& sight, bool is_new, bool is_old) {
  ++followed.turn.attempts;
  followed.last = sight;
  if (is_new && !followed.turn.turned) {
    followed.turn.turned = true;
    followed.turn.first_new = sight.at;
  } else if (is_old) {
    followed.turn.turned = false;  // it flapped: only the last turn counts
    followed.turn.first_new = policy::TimePoint{0};
    followed.turn.last_old = sight.at;
  }
}

void TurnWatch::see(const std::map<std::string, CanaryLook>& looks) {
  for (const auto& [pod, look] : looks) {
    const auto found = states_.find(pod);
    if (found == states_.end()) continue;
    Both& both = found->second;
    const auto clear = [](const CanarySight& one) { return one.sight != Sight::unclear; };
    const bool unlisted_right = look.unlisted.sight == both.wanted.unlisted;
    // The listed canary is allowed before any policy too: only beside a denied one does it tell of the new policy.
    const bool listed_right = look.listed.sight == both.wanted.listed && unlisted_right;
    follow(both.unlisted, look.unlisted, unlisted_right, clear(look.unlisted) && !unlisted_right);
    follow(both.listed, look.listed, listed_right, clear(look.listed) && clear(look.unlisted) && !listed_right);
  }
}

std::size_t TurnWatch::right_profiles() const {
  std::set<std::string> wrong;
  for (const auto& [pod, both] : states_)
    if (!both.listed.turn.turned || !both.unlisted.turn.turned) wrong.insert(both.lookout.profile);
  return profiles_ - wrong.size();
}

bool TurnWatch::complete() const { return right_profiles() == profiles_; }

std::string TurnWatch::overridden() const {
  std::string names;
  for (const std::string& pod : order_) {
    const Lookout& lookout = states_.at(pod).lookout;
    if (change_ == Change::policies && lookout.overridden && !lookout.by_network &&
        states_.at(pod).unlisted.turn.turned)
      names += (names.empty() ? "" : ", ") + lookout.profile;
  }
  return names;
}

std::string TurnWatch::network_overridden() const {
  std::string names;
  std::string last;  // one whose sidecar denies nothing either has two lookouts
  for (const std::string& pod : order_) {
    const Both& both = states_.at(pod);
    const std::string& name = both.lookout.profile;
    if (change_ != Change::policies || !stands_open(both.lookout) || !both.unlisted.turn.turned || name == last)
      continue;
    names += (names.empty() ? "" : ", ") + name;
    last = name;
  }
  return names;
}

std::vector<std::string> TurnWatch::gaps() const {
  std::vector<std::string> gaps;
  for (const std::string& pod : order_) {
    const Both& both = states_.at(pod);
    if (!both.unlisted.turn.turned)
      gaps.push_back(gap(both.lookout, "unlisted", both.unlisted.last, both.wanted.unlisted));
    // Where the unlisted one holds it back, one sentence is enough.
    if (!both.listed.turn.turned && (both.unlisted.turn.turned || both.listed.last.sight != both.wanted.listed))
      gaps.push_back(gap(both.lookout, "listed", both.listed.last, both.wanted.listed));
  }
  return gaps;
}

policy::TimePoint TurnWatch::turned_at() const {
  policy::TimePoint newest{0};
  for (const auto& [profile, both] : states_) {
    if (!both.lookout.turns() || !both.listed.turn.turned || !both.unlisted.turn.turned) continue;
    newest = std::max({newest, both.listed.turn.first_new, both.unlisted.turn.first_new});
  }
  return newest;
}

void TurnWatch::fill(policy::Applied& applied, policy::TimePoint changed_at) const {
  const auto add = [&](std::vector<policy::CanaryTurn>& turns, const Followed& followed) {
    turns.push_back(followed.turn);
    turns.back().changed_at = changed_at;
  };
  for (const std::string& pod : order_) {
    const Both& both = states_.at(pod);
    if (change_ == Change::policies && both.lookout.by_network) {
      add(applied.enforcement, both.unlisted.turn.turned ? both.listed : both.unlisted);
    } else if (change_ == Change::revoked && both.lookout.by_network) {
      continue;  // neither canary was allowed
    } else if (change_ == Change::policies && both.lookout.default_deny) {
      add(applied.enforcement, both.unlisted);
      add(applied.admission, both.listed);
    } else if (change_ == Change::policies && (!both.listed.turn.turned || !both.unlisted.turn.turned)) {
      add(applied.admission, both.unlisted.turn.turned ? both.listed : both.unlisted);
    } else if (change_ == Change::revoked && both.lookout.default_deny) {
      add(applied.revocation, both.listed);
    }
  }
}

std::vector<std::string> mark_lost(policy::Applied& applied, const std::vector<scenario::Profile>& profiles,
                                   const std::map<std::string, CanaryLook>& looks) {
  std::vector<std::string> sentences;
  for (const Lookout& lookout : lookouts(profiles)) {
    const auto look = looks.find(lookout.pod);
    if (look == looks.end()) continue;
    const Wanted right = wanted(Change::policies, lookout);
    const auto wrong = [](const CanarySight& seen, Sight wish) {
      return seen.sight != Sight::unclear && seen.sight != wish;
    };
    for (const CanarySight* seen : {&look->second.unlisted, &look->second.listed})
      if (seen->sight == Sight::unclear)
        sentences.push_back(lookout.profile + ": a canary could not be seen again after the probes: " + seen->why);
    const bool unlisted_lost = wrong(look->second.unlisted, right.unlisted);
    const bool listed_lost = wrong(look->second.listed, right.listed);
    if (!unlisted_lost && !listed_lost) continue;
    const auto mark = [&](std::vector<policy::CanaryTurn>& turns, const CanarySight& seen) {
      auto turn =
          std::find_if(turns.begin(), turns.end(), [&](const auto& one) { return one.profile == lookout.profile; });
      if (turn == turns.end()) {
        turns.push_back({});
        turn = std::prev(turns.end());
        turn->profile = lookout.profile;
        turn->changed_at = applied.applied_at;
      }
      turn->turned = false;
      turn->lost_at = seen.at;
    };
    if (unlisted_lost) {
      mark(lookout.turns() ? applied.enforcement : applied.admission, look->second.unlisted);
      sentences.push_back("the policy changed while probing: " +
                          gap(lookout, "unlisted", look->second.unlisted, right.unlisted));
    }
    if (listed_lost) {
      mark(lookout.by_network ? applied.enforcement : applied.admission, look->second.listed);
      sentences.push_back("the policy changed while probing: " +
                          gap(lookout, "listed", look->second.listed, right.listed));
    }
  }
  return sentences;
}

bool any_unclear(const std::map<std::string, CanaryLook>& looks) {
  return std::any_of(looks.begin(), looks.end(), [](const auto& one) {
    return one.second.listed.sight == Sight::unclear || one.second.unlisted.sight == Sight::unclear;
  });
}

std::chrono::milliseconds stretch_of(const policy::Applied& policies) {
  using std::chrono::milliseconds;
  constexpr milliseconds usual{2000};
  constexpr milliseconds longest{30000};
  const auto took = std::chrono::duration_cast<milliseconds>(policies.in_force_at - policies.applied_at);
  return std::clamp((took - usual) * 2, milliseconds(0), longest);
}

}  // namespace egressproof::run
