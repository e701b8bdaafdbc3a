#include "runner/verdict/long_lived.h"

#include "runner/verdict/verdict.h"

namespace egressproof::verdict {
namespace {

using evidence::LongLived;
using evidence::Row;
using probe::Code;
using scenario::Expect;

std::string ms(std::chrono::microseconds time) { return std::to_string(time.count() / 1000) + " ms"; }

Sentence inconclusive(const std::string& because) { return {Verdict::inconclusive, because}; }

// The connection is gone, or what is sent on it has no answer any more.
bool is_over(const probe::Observation& seen) { return seen.code != Code::ok; }

// The mesh's own words for what ended a connection that it had let through; "": it has none.
Sentence cut(const Row& row, const MeshSay& mesh, const std::string& lived) {
  const std::string client =
      "the client saw " + probe::to_string(row.probe.observed->code) +
      (row.probe.observed->http_status ? ", status " + std::to_string(*row.probe.observed->http_status) : "");
  switch (mesh.say) {
    case Say::denied:
      return {Verdict::deny, lived + ", then denied by " + mesh.mechanism + " (" + client + ")", mesh.layer};
    case Say::failed:
      return inconclusive("an outage, which tells nothing about the policy: the mesh logged " + mesh.mechanism + " (" +
                          client + ")");
    case Say::forwarded:
    case Say::unclear:
      if (!is_over(*row.probe.observed)) break;
      return {Verdict::deny,
              lived + ", then the connection was cut: the mesh logged its end, " + mesh.mechanism + " (" + client +
                  "), and the same from the vantage went on",
              row.probe.logged.front().proxy == row.cell.profile ? Layer::sidecar : Layer::gateway};
    case Say::held:
    case Say::nothing:
      break;
  }
  return inconclusive(lived + ", and then no more, but no witness tells who cut it: " + client);
}

}  // namespace

std::string cut_limit(const plan::Cell& cell) {
  const bool applied = cell.cut_from == scenario::CutFrom::applied;
  return std::to_string(cell.cut_within.count()) + " ms after the change was " + (applied ? "made" : "in force");
}

std::string how_long(const LongLived& seen) {
  if (seen.last.count() == 0) return "no tick arrived";
  if (seen.last < seen.changed_at) return "ticks arrived until the change";
  return "ticks arrived until " + ms(seen.last - seen.changed_at) + " after the change was made";
}

std::optional<Sentence> judge_long_lived(const Row& row, bool receipts_complete, const MeshSay& mesh) {
  const LongLived& seen = *row.long_lived;
  const bool allowed = row.cell.expectation.expect == Expect::allow;
  const std::string within = std::to_string(row.cell.cut_within.count()) + " ms";
  const bool from_applied = row.cell.cut_from == scenario::CutFrom::applied;
  if (!allowed && seen.changed_at.count() > 0 && seen.late > 0)
    return Sentence{
        Verdict::leak,
        "not cut within " + cut_limit(row.cell) + ": " + how_long(seen) + ", " + std::to_string(seen.late) +
            " of them too late" +
            (from_applied ? "; it was in force " + ms(seen.in_force_at - seen.changed_at) + " after it was made" : "")};
  if (!row.probe.observed || !row.errors.empty())
    return Sentence{Verdict::error, row.errors.empty() ? "the probe told nothing of the attempt"
                                                       : "the harness failed: " + row.errors.front()};
  const probe::Observation& observed = *row.probe.observed;
  if (observed.code == Code::local_error || observed.code == Code::unsupported)
    return Sentence{Verdict::error, "the probe could not try: " + observed.detail};
  if (!row.began_in_force)
    return inconclusive("the attempt began before the policy was in force in " + row.cell.profile);
  if (seen.changed_at.count() == 0) return inconclusive("the policies were not changed");
  if (!row.control.allowed_before || !row.control.allowed_after)
    return inconclusive("its positive control, which was open at the same time, was not allowed all the while (" +
                        row.control.why_not + ")");
  if (!receipts_complete) return inconclusive("receipts of this run are lost or unreadable");
  if (allowed && evidence::client_ok(row.probe) && seen.late == 0)
    return inconclusive("the attempt ended before it could be seen whether it was cut within " + within);
  if (allowed) return std::nullopt;
  if (seen.before == 0) return inconclusive("nothing had arrived before the change, so that there was nothing to cut");
  if (is_over(observed) && observed.finished_at < seen.changed_at)
    return inconclusive("it had ended before the change (" + probe::to_string(observed.code) + ")");
  if (!is_over(observed) && seen.last_sent <= seen.deadline)
    return inconclusive("the client stopped trying before " + within + " had passed");
  if (row.cell.expectation.expect == Expect::reroute && seen.late_elsewhere > 0 && evidence::client_ok(row.probe))
    return Sentence{Verdict::rerouted, how_long(seen) + ", and from then on at " + row.cell.rerouted_to};
  return cut(row, mesh, how_long(seen));
}

}  // namespace egressproof::verdict
