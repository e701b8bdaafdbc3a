#include "runner/evidence/remapped.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "probe/codec.h"
#include "runner/evidence/evidence.h"
#include "runner/plan/directory.h"

namespace egressproof::evidence {
namespace {

using policy::MeshRecord;

struct Unexplained {
  const probe::Attempt* attempt;
  const probe::Observation* observed;
  std::vector<const MeshRecord*> candidates;
};

bool has_record(const RecordIndex& index, const plan::Cell& cell, const probe::Observation& observed) {
  RecordIndex::Found found;
  index.add_of_downstream(cell.profile, ends_of(observed), span_of(observed), found);
  if (!found.empty()) return true;
  index.add_of_nonce(cell.attempt.nonce, found);
  return std::any_of(found.begin(), found.end(), [&](const MeshRecord* record) {
    return record->destination.empty() || record->destination == ends_of(observed).local;
  });
}

// Only the port is another: a record of another address is of another pod, of a case's own beside the workload's.
bool fits(const MeshRecord& record, const Unexplained& one) {
  return address_part(record.downstream) == address_part(ends_of(*one.observed).peer) &&
         record.destination == ends_of(*one.observed).local && one.observed->started_at <= record.at &&
         record.at <= one.observed->finished_at &&
         (record.sni.empty() || plan::bare_name(record.sni) == plan::bare_name(one.attempt->sni.value_or("")));
}

// Whether all say the same, and none leads to an upstream.
bool alike(const std::vector<const MeshRecord*>& records) {
  const auto said = [](const MeshRecord& one) {
    return std::tie(one.cluster, one.route, one.code, one.flags, one.details, one.termination, one.chain);
  };
  return std::all_of(records.begin(), records.end(), [&](const MeshRecord* one) {
    return one->upstream.empty() && one->upstream_local.empty() && said(*one) == said(*records.front());
  });
}

}  // namespace

Remapped::Remapped(const plan::Plan& plan, const Batches& batches, const RecordIndex& index,
                   const std::vector<MeshRecord>& records) {
  std::map<std::string, std::vector<Unexplained>> unexplained;  // by pod
  std::map<std::string, std::set<std::string>> own_ports;       // the probe's ends, by pod
  for (const plan::Cell& cell : plan.cells) {
    if (probe::sends_datagrams(cell.attempt.protocol)) continue;
    if (cell.pod != cell.profile) continue;  // another identity's connections need not pass the proxy
    const probe::Observation* observed = batches.find(phase_of(cell), cell.pod, cell.attempt).observed;
    if (observed == nullptr || observed->local.empty()) continue;
    own_ports[cell.profile].insert(ends_of(*observed).peer);
    if (!has_record(index, cell, *observed)) unexplained[cell.profile].push_back({&cell.attempt, observed, {}});
  }
  std::map<const MeshRecord*, int> claims;
  for (const MeshRecord& record : records) {
    const auto pod = unexplained.find(record.proxy);
    if (pod == unexplained.end() || !record.nonce.empty()) continue;
    for (Unexplained& one : pod->second) {
      if (!fits(record, one) || record.downstream == ends_of(*one.observed).peer) continue;
      // What another attempt's own end explains is that attempt's, or was another connection's before.
      if (own_ports[record.proxy].count(record.downstream) != 0) continue;
      one.candidates.push_back(&record);
      ++claims[&record];
    }
  }
  for (const auto& [pod, all] : unexplained)
    for (const Unexplained& one : all) {
      // Which of those that the same records fit this is.
      std::size_t place = 0;
      std::size_t rivals = 0;
      for (const Unexplained& other : all) {
        if (other.candidates != one.candidates) continue;
        if (&other == &one) place = rivals;
        ++rivals;
      }
      const bool unclaimed_by_others =
          std::all_of(one.candidates.begin(), one.candidates.end(),
                      [&](const auto* record) { return static_cast<std::size_t>(claims[record]) == rivals; });
      if (rivals == one.candidates.size() && unclaimed_by_others && (rivals == 1 || alike(one.candidates)))
        by_nonce_[one.attempt->nonce] = one.candidates[place];
    }
}

const MeshRecord* Remapped::record_of(const std::string& nonce) const {
  const auto found = by_nonce_.find(nonce);
  return found == by_nonce_.end() ? nullptr : found->second;
}

}  // namespace egressproof::evidence
