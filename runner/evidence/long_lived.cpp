#include "runner/evidence/long_lived.h"

#include <algorithm>

#include "runner/evidence/evidence.h"

namespace egressproof::evidence {

namespace {

policy::TimePoint in_force_at(const policy::Applied& change, const std::string& profile) {
  policy::TimePoint last{0};
  for (const policy::CanaryTurn& turn : change.revocation) {
    if (!turn.turned) continue;
    if (turn.profile == profile) return turn.first_new;
    last = std::max(last, turn.first_new);
  }
  return last.count() > 0 ? last : change.acknowledged_at;
}

}  // namespace

LongLived long_lived(const plan::Cell& cell, const Witnesses& seen, const policy::Applied* change) {
  LongLived made;
  if (change != nullptr) {
    made.changed_at = change->applied_at;
    made.in_force_at = in_force_at(*change, cell.profile);
    made.deadline =
        (cell.cut_from == scenario::CutFrom::applied ? made.changed_at : made.in_force_at) + cell.cut_within;
  }
  if (seen.observed && !seen.observed->ticks.empty()) made.last_sent = seen.observed->ticks.back().sent_at;
  for (const target::Receipt* receipt : arrivals(seen, cell.target)) {
    // The opening of a connection is no tick.
    if (receipt->kind == target::ReceiptKind::tls) continue;
    made.last = std::max(made.last, receipt->at);
    ++(receipt->at < made.changed_at ? made.before : receipt->at <= made.deadline ? made.after : made.late);
  }
  if (!cell.rerouted_to.empty())
    for (const target::Receipt* receipt : arrivals(seen, {cell.rerouted_to, ""}))
      if (receipt->kind != target::ReceiptKind::tls && receipt->at > made.deadline) ++made.late_elsewhere;
  return made;
}

}  // namespace egressproof::evidence
