#include "runner/run/turn.h"

#include <algorithm>

#include "runner/policy/manifests.h"

namespace egressproof::run {
namespace {

std::string gap(const std::string& profile, const char* which, const CanarySight& seen, Sight wanted) {
  std::string text = profile + ": the " + which + " canary is " + to_string(seen.sight) + ", wanted ";
  text += to_string(wanted);
  if (!seen.why.empty()) text += " (" + seen.why + ")";
  return text;
}

}  // namespace

Wanted wanted(Change change, bool default_deny) {
  if (change == Change::nothing || !default_deny) return {Sight::allowed, Sight::allowed};
  return {change == Change::policies ? Sight::allowed : Sight::denied, Sight::denied};
}

TurnWatch::TurnWatch(Change change, const std::vector<scenario::Profile>& profiles) : change_(change) {
  for (const scenario::Profile& profile : profiles) {
    Both both;
    both.default_deny = policy::default_deny(profile);
    both.wanted = wanted(change, both.default_deny);
    both.listed.turn.profile = both.unlisted.turn.profile = profile.name;
    both.listed.last.why = both.unlisted.last.why = "no attempt yet";
    order_.push_back(profile.name);
    states_.emplace(profile.name, std::move(both));
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
  for (const auto& [profile, look] : looks) {
    const auto found = states_.find(profile);
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
  return static_cast<std::size_t>(std::count_if(states_.begin(), states_.end(), [](const auto& one) {
    return one.second.listed.turn.turned && one.second.unlisted.turn.turned;
  }));
}

bool TurnWatch::complete() const { return right_profiles() == states_.size(); }

std::vector<std::string> TurnWatch::gaps() const {
  std::vector<std::string> gaps;
  for (const std::string& profile : order_) {
    const Both& both = states_.at(profile);
    if (!both.unlisted.turn.turned) gaps.push_back(gap(profile, "unlisted", both.unlisted.last, both.wanted.unlisted));
    // Where the unlisted one holds it back, one sentence is enough.
    if (!both.listed.turn.turned && (both.unlisted.turn.turned || both.listed.last.sight != both.wanted.listed))
      gaps.push_back(gap(profile, "listed", both.listed.last, both.wanted.listed));
  }
  return gaps;
}

policy::TimePoint TurnWatch::turned_at() const {
  policy::TimePoint newest{0};
  for (const auto& [profile, both] : states_) {
    if (!both.default_deny || !both.listed.turn.turned || !both.unlisted.turn.turned) continue;
    newest = std::max({newest, both.listed.turn.first_new, both.unlisted.turn.first_new});
  }
  return newest;
}

void TurnWatch::fill(policy::Applied& applied, policy::TimePoint changed_at) const {
  const auto add = [&](std::vector<policy::CanaryTurn>& turns, const Followed& followed) {
    turns.push_back(followed.turn);
    turns.back().changed_at = changed_at;
  };
  for (const std::string& profile : order_) {
    const Both& both = states_.at(profile);
    if (change_ == Change::policies && both.default_deny) {
      add(applied.enforcement, both.unlisted);
      add(applied.admission, both.listed);
    } else if (change_ == Change::policies && (!both.listed.turn.turned || !both.unlisted.turn.turned)) {
      add(applied.admission, both.unlisted.turn.turned ? both.listed : both.unlisted);
    } else if (change_ == Change::revoked && both.default_deny) {
      add(applied.revocation, both.listed);
    }
  }
}

std::vector<std::string> mark_lost(policy::Applied& applied, const std::vector<scenario::Profile>& profiles,
                                   const std::map<std::string, CanaryLook>& looks) {
  std::vector<std::string> sentences;
  for (const scenario::Profile& profile : profiles) {
    const auto look = looks.find(profile.name);
    if (look == looks.end()) continue;
    const bool default_deny = policy::default_deny(profile);
    const Wanted right = wanted(Change::policies, default_deny);
    const auto wrong = [](const CanarySight& seen, Sight wish) {
      return seen.sight != Sight::unclear && seen.sight != wish;
    };
    for (const CanarySight* seen : {&look->second.unlisted, &look->second.listed})
      if (seen->sight == Sight::unclear)
        sentences.push_back(profile.name + ": a canary could not be seen again after the probes: " + seen->why);
    const bool unlisted_lost = wrong(look->second.unlisted, right.unlisted);
    const bool listed_lost = wrong(look->second.listed, right.listed);
    if (!unlisted_lost && !listed_lost) continue;
    const auto mark = [&](std::vector<policy::CanaryTurn>& turns, const CanarySight& seen) {
      auto turn =
          std::find_if(turns.begin(), turns.end(), [&](const auto& one) { return one.profile == profile.name; });
      if (turn == turns.end()) {
        turns.push_back({});
        turn = std::prev(turns.end());
        turn->profile = profile.name;
        turn->changed_at = applied.applied_at;
      }
      turn->turned = false;
      turn->lost_at = seen.at;
    };
    if (unlisted_lost) {
      mark(default_deny ? applied.enforcement : applied.admission, look->second.unlisted);
      sentences.push_back("the policy changed while probing: " +
                          gap(profile.name, "unlisted", look->second.unlisted, right.unlisted));
    }
    if (listed_lost) {
      mark(applied.admission, look->second.listed);
      sentences.push_back("the policy changed while probing: " +
                          gap(profile.name, "listed", look->second.listed, right.listed));
    }
  }
  return sentences;
}

bool any_unclear(const std::map<std::string, CanaryLook>& looks) {
  return std::any_of(looks.begin(), looks.end(), [](const auto& one) {
    return one.second.listed.sight == Sight::unclear || one.second.unlisted.sight == Sight::unclear;
  });
}

}  // namespace egressproof::run
