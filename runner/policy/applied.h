// Applied is not yet in force; in force is measured.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace egressproof::policy {

using TimePoint = std::chrono::microseconds;  // since the Unix epoch, system clock

// One generation of policies for the whole world, atomically applied.
struct Generation {
  int number = 0;              // 1, 2, ...
  std::string manifests;       // multi-document YAML with namespaces set; what the control plane gets
  bool canary_allowed = true;  // whether the canary's ServiceEntry is part of it
};

// How one profile's canary turned from one behaviour to the other.
struct CanaryTurn {
  std::string profile;
  bool turned = false;      // false: the new behaviour was not seen before the deadline
  TimePoint changed_at{0};  // when the generation was applied
  TimePoint last_old{0};    // last attempt that still saw the old behaviour; 0: none did
  TimePoint first_new{0};   // start of the first attempt that saw the new behaviour
  int attempts = 0;
  TimePoint lost_at{0};  // seen wrong again after the probes (turned is false then); 0: never
};

struct Applied {
  int generation = 0;
  TimePoint applied_at{0};
  TimePoint acknowledged_at{0};  // barrier passed: every proxy has and uses it
  TimePoint in_force_at{0};      // canaries right in every profile; attempts begun earlier are inconclusive
  std::string because;           // "push 2026-.../7 acknowledged by 9 of 9 proxies, canaries right in 9 profiles"
  std::vector<CanaryTurn> enforcement;  // the canary that no policy allows: allowed -> denied
  std::vector<CanaryTurn> admission;    // the canary with a ServiceEntry: denied or rerouted -> allowed
  std::vector<CanaryTurn> revocation;   // its ServiceEntry removed: allowed -> denied
};

}  // namespace egressproof::policy
