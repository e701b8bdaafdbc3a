// What a change of the policies did to an attempt that it found open, by the receipts at the target. Pure.
#pragma once

#include <algorithm>
#include <chrono>

#include "probe/observation.h"
#include "runner/plan/plan.h"
#include "runner/policy/applied.h"
#include "target/receipt.h"

namespace egressproof::evidence {

struct Witnesses;

struct LongLived {
  policy::TimePoint changed_at{0};   // the change was applied; 0: it never was
  policy::TimePoint in_force_at{0};  // it was first seen in force in the profile
  policy::TimePoint deadline{0};     // Cell::cut_from and Cell::cut_within: what arrives later was not cut
  int before = 0;                    // receipts of its ticks at the target before the change
  int after = 0;                     // between the change and the deadline
  int late = 0;                      // after the deadline
  policy::TimePoint last{0};         // when the newest came; 0: none did
  policy::TimePoint last_sent{0};    // when the client sent its newest tick
  int late_elsewhere = 0;            // receipts of its ticks after the deadline, at Cell::rerouted_to

  // From the change to the newest receipt, 0 if that came before it.
  [[nodiscard]] std::chrono::milliseconds lived() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::max(policy::TimePoint{0}, last - changed_at));
  }
};

// `change`: the generation that was applied meanwhile; nullptr: none was. In force in a profile is when its own listed
// canary was first seen to have turned (Applied::revocation); where none turns, when the last one of all did, and
// without any when every proxy had acknowledged it.
LongLived long_lived(const plan::Cell& cell, const Witnesses& seen, const policy::Applied* change);

}  // namespace egressproof::evidence
