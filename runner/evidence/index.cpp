#include "runner/evidence/index.h"

#include <algorithm>

#include "base/endpoint.h"

namespace egressproof::evidence {
namespace {

constexpr std::string_view virtual_outbound_port = ":15001";

template <class Map>
const typename Map::mapped_type& at_or_empty(const Map& map, const typename Map::key_type& key) {
  static const typename Map::mapped_type empty;
  const auto found = map.find(key);
  return found == map.end() ? empty : found->second;
}

bool within(std::chrono::microseconds at, const Span& span) { return span.begin <= at && at <= span.end; }

bool fits(const std::string& one, const std::string& other) { return one.empty() || other.empty() || one == other; }

// A record that was written before the original destination was restored names the listener that took the connection.
bool dialled(const policy::MeshRecord& record, const std::string& destination) {
  const std::string& logged = record.destination;
  const bool listener =
      logged.size() > virtual_outbound_port.size() &&
      logged.compare(logged.size() - virtual_outbound_port.size(), std::string::npos, virtual_outbound_port) == 0;
  return listener || fits(logged, destination);
}

}  // namespace

Span network_span_of(const probe::Observation& observed) {
  constexpr std::chrono::seconds network_slack{10};
  return {observed.started_at - network_slack, observed.finished_at + network_slack};
}

Span span_of(const probe::Observation& observed) { return {observed.started_at - slack, observed.finished_at + slack}; }

Ends ends_of(const probe::Observation& observed) {
  return {without_v4_mapping(observed.local), without_v4_mapping(observed.peer)};
}

ReceiptIndex::ReceiptIndex(const target::Journal& journal) : packets_(target::unanswered_packets(journal)) {
  for (const target::Receipt& one : journal.receipts) {
    if (!one.nonce.empty()) by_nonce_[one.nonce].push_back(&one);
    if (one.connection == 0) continue;
    by_connection_[one.connection].push_back(&one);
    if (!one.nonce.empty()) nonces_[one.connection].insert(one.nonce);
    if (one.kind != target::ReceiptKind::connection) continue;
    by_peer_[one.peer].push_back(&one);
    opened_.push_back(&one);
  }
  for (const target::Receipt& one : packets_) {
    packets_by_peer_[one.peer].push_back(&one);
    opened_.push_back(&one);
  }
}

const std::vector<const target::Receipt*>& ReceiptIndex::of_nonce(const std::string& nonce) const {
  return at_or_empty(by_nonce_, nonce);
}

const std::vector<const target::Receipt*>& ReceiptIndex::of_connection(std::uint64_t connection) const {
  return at_or_empty(by_connection_, connection);
}

bool ReceiptIndex::carries_nonce(std::uint64_t connection) const { return nonces_.count(connection) != 0; }

bool ReceiptIndex::carries_other_nonce(std::uint64_t connection, const std::string& nonce) const {
  const std::set<std::string>& nonces = at_or_empty(nonces_, connection);
  return nonces.size() > nonces.count(nonce);
}

std::uint64_t ReceiptIndex::connection_between(const Ends& ends, const Span& span) const {
  if (ends.peer.empty()) return 0;
  const target::Receipt* newest = nullptr;
  for (const target::Receipt* one : at_or_empty(by_peer_, ends.peer))
    if (fits(one->local, ends.local) && within(one->at, span) && (newest == nullptr || newest->at <= one->at))
      newest = one;
  return newest == nullptr ? 0 : newest->connection;
}

std::vector<const target::Receipt*> ReceiptIndex::packets_between(const Ends& ends, const Span& span) const {
  std::vector<const target::Receipt*> found;
  if (ends.peer.empty()) return found;
  for (const target::Receipt* one : at_or_empty(packets_by_peer_, ends.peer))
    if (one->nonce.empty() && fits(one->local, ends.local) && within(one->at, span)) found.push_back(one);
  return found;
}

RecordIndex::RecordIndex(const std::vector<policy::MeshRecord>& records) {
  for (const policy::MeshRecord& one : records) {
    const auto [seen, first] = seen_.emplace(one.proxy, Span{one.at, one.at});
    seen->second = {std::min(seen->second.begin, one.at), std::max(seen->second.end, one.at)};
    if (!one.nonce.empty()) {
      by_nonce_[one.nonce].push_back(&one);
      continue;
    }
    if (!one.downstream.empty()) by_downstream_[one.downstream].push_back(&one);
    if (!one.upstream_local.empty()) by_upstream_local_[one.upstream_local].push_back(&one);
  }
}

void RecordIndex::add_of_nonce(const std::string& nonce, Found& found) const {
  const auto& all = at_or_empty(by_nonce_, nonce);
  found.insert(all.begin(), all.end());
}

void RecordIndex::add_of_downstream(const std::string& proxy, const Ends& ends, const Span& span, Found& found) const {
  if (ends.peer.empty()) return;
  for (const policy::MeshRecord* one : at_or_empty(by_downstream_, ends.peer))
    if ((proxy.empty() || one->proxy == proxy) && dialled(*one, ends.local) && within(one->at, span)) found.insert(one);
}

void RecordIndex::add_of_upstream(const Ends& ends, const std::optional<Span>& span, Found& found) const {
  for (const policy::MeshRecord* one : at_or_empty(by_upstream_local_, ends.peer))
    if (fits(one->upstream, ends.local) && (!span || within(one->at, *span))) found.insert(one);
}

bool RecordIndex::seen_around(const std::string& proxy, const Span& span) const {
  const auto seen = seen_.find(proxy);
  return seen != seen_.end() && seen->second.begin < span.begin && seen->second.end > span.end;
}

}  // namespace egressproof::evidence
