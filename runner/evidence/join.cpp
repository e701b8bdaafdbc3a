#include <algorithm>
#include <set>

#include "runner/evidence/batches.h"
#include "runner/evidence/evidence.h"
#include "runner/evidence/fetch.h"
#include "runner/evidence/index.h"
#include "runner/evidence/remapped.h"
#include "runner/policy/capture_refusal.h"
#include "runner/policy/network_drop.h"

namespace egressproof::evidence {
namespace {

using std::chrono::microseconds;

// How long after an attempt ended what it left behind may still be accepted.
constexpr microseconds late_arrival{500000};

constexpr const char* no_nonce = "-";  // in an answer

// The MAC is right, and the receipt that the answer names is one of the attempt's and says the same.
bool is_genuine(const Witnesses& one, const std::map<std::string, std::string>& keys) {
  if (!one.observed || !one.observed->answer) return false;
  const probe::Answer& answer = *one.observed->answer;
  const auto key = keys.find(answer.fixture);
  if (key == keys.end()) return false;
  // Each target counts its own: two of them may have a receipt of this number.
  const auto receipt = std::find_if(one.received.begin(), one.received.end(), [&](const auto& each) {
    return each.number == answer.receipt && each.fixture == answer.fixture;
  });
  if (receipt == one.received.end()) return false;
  if (answer.nonce != (receipt->nonce.empty() ? no_nonce : receipt->nonce)) return false;
  target::Fixture fixture;
  fixture.name = answer.fixture;
  fixture.key = key->second;
  const std::string line = target::encode_answer(fixture, receipt->nonce, answer.receipt);
  return line.size() > answer.mac.size() && !answer.mac.empty() &&
         line.substr(line.size() - answer.mac.size() - 5) == "mac=" + answer.mac + "\n";
}

bool turned(const std::vector<policy::CanaryTurn>& turns, const std::string& profile) {
  return std::none_of(turns.begin(), turns.end(),
                      [&](const auto& turn) { return turn.profile == profile && !turn.turned; });
}

bool began_in_force(const std::vector<policy::Applied>& policies, const std::string& profile,
                    const probe::Observation& observed) {
  const policy::Applied* newest = nullptr;
  for (const policy::Applied& one : policies)
    if (one.applied_at <= observed.finished_at && (newest == nullptr || newest->applied_at <= one.applied_at))
      newest = &one;
  return newest != nullptr && newest->in_force_at.count() > 0 && newest->in_force_at <= observed.started_at &&
         turned(newest->enforcement, profile) && turned(newest->admission, profile);
}

std::string why_not_allowed(const std::string& phase, const Witnesses& one, const Told& told,
                            const plan::Destination& expected) {
  if (!told.errors.empty()) return phase + ": " + told.errors.front();
  const probe::Observation& observed = *one.observed;
  if (observed.code != probe::Code::ok)
    return phase + ": the client saw " + to_string(observed.code) + " in stage " + to_string(observed.reached);
  if (!client_ok(one))
    return phase + ": the client got " +
           (observed.http_status ? "status " + std::to_string(*observed.http_status) + " and " : "") +
           (one.genuine_answer ? "a genuine answer" : "no genuine answer");
  return phase + ": nothing arrived at " + expected.fixture + (expected.host.empty() ? "" : " for " + expected.host);
}

class Joiner {
 public:
  Joiner(const plan::Plan& plan, const Collected& collected)
      : plan_(plan),
        collected_(collected),
        batches_(collected),
        receipts_(collected.journal),
        records_(collected.records),
        remapped_(plan, batches_, records_, collected.records) {}

  Evidence run() {
    Evidence evidence;
    const std::vector<ControlEvidence> controls = join_controls();
    for (const plan::Cell& cell : plan_.cells) evidence.rows.push_back(join_cell(cell, controls));
    // Only now is it known which connections are somebody's.
    for (Row& row : evidence.rows) row.unattributed = unattributed(row);
    for (const target::Receipt* one : receipts_.connections())
      if (is_nobodys(*one)) ++evidence.unattributed[one->fixture];
    evidence.policies = collected_.policies;
    evidence.errors = collected_.errors;
    for (const std::string& error : batches_.errors()) evidence.errors.push_back(error);
    for (const std::string& error : collected_.journal.errors) evidence.errors.push_back("receipts: " + error);
    evidence.records_readable = collected_.records_readable;
    evidence.receipts_complete = collected_.journal_readable && collected_.journal.errors.empty();
    return evidence;
  }

 private:
  // `gateway`: whose proxy the probe may have dialled itself, past its own; a gateway, or the sidecar of a target's
  // pod.
  Witnesses witness(const probe::Attempt& attempt, const std::string& pod, const Told& told,
                    const std::string& gateway = {}) {
    Witnesses one;
    one.attempt = attempt;
    if (told.observed != nullptr) one.observed = *told.observed;
    std::set<std::uint64_t> connections;
    for (const target::Receipt* receipt : receipts_.of_nonce(attempt.nonce))
      if (receipt->connection != 0) connections.insert(receipt->connection);
    RecordIndex::Found records;
    records_.add_of_nonce(attempt.nonce, records);
    std::set<const target::Receipt*> packets;
    if (const policy::MeshRecord* record = remapped_.record_of(attempt.nonce)) records.insert(record);
    // A ClusterIP is translated on the way: the gateway knows its own address as the one dialled.
    if (one.observed && !gateway.empty())
      records_.add_of_downstream(gateway, {ends_of(*one.observed).peer, ""}, span_of(*one.observed), records);
    if (one.observed && probe::sends_datagrams(attempt.protocol)) {
      // No proxy knows of datagrams; a connection of the same ends is another's.
      records_.add_of_downstream(policy::network_witness(pod), ends_of(*one.observed), network_span_of(*one.observed),
                                 records);
      const auto sent = receipts_.packets_between(ends_of(*one.observed), span_of(*one.observed));
      packets.insert(sent.begin(), sent.end());
    } else if (one.observed) {
      follow_connections(*one.observed, pod, connections, packets, records);
    }
    for (const std::uint64_t connection : connections) {
      if (receipts_.carries_other_nonce(connection, attempt.nonce)) continue;  // its records have nonces
      const auto& receipts = receipts_.of_connection(connection);
      const auto span = one.observed ? std::optional<Span>(span_of(*one.observed)) : std::nullopt;
      records_.add_of_upstream({receipts.front()->peer, receipts.front()->local}, span, records);
    }
    put_received(connections, packets, one);
    for (const policy::MeshRecord* record : records) one.logged.push_back(*record);
    std::stable_sort(one.logged.begin(), one.logged.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
    one.genuine_answer = is_genuine(one, collected_.keys);
    attributed_.insert(connections.begin(), connections.end());
    for (const target::Receipt* packet : packets) attributed_packets_.insert(packet->number);
    return one;
  }

  // By ends: from the probe to its proxy, from there on to the next, and from the last to a fixture.
  void follow_connections(const probe::Observation& observed, const std::string& pod,
                          std::set<std::uint64_t>& connections, std::set<const target::Receipt*>& packets,
                          RecordIndex::Found& records) const {
    const Span span = span_of(observed);
    records_.add_of_downstream(pod, ends_of(observed), span, records);
    records_.add_of_downstream(policy::network_witness(pod), ends_of(observed), network_span_of(observed), records);
    records_.add_of_downstream(policy::capture_witness(pod), ends_of(observed), network_span_of(observed), records);
    const RecordIndex::Found first_hop = records;
    for (const policy::MeshRecord* record : first_hop)
      records_.add_of_downstream("", {record->upstream_local, record->upstream}, span, records);
    const auto add = [&](const Ends& ends, const Span& when) {
      if (const std::uint64_t connection = receipts_.connection_between(ends, when); connection != 0)
        connections.insert(connection);
      const auto sent = receipts_.packets_between(ends, span);
      packets.insert(sent.begin(), sent.end());
    };
    add(ends_of(observed), span);
    // A proxy may have opened its connection long before, for another request; and a target may have been late to take
    // it.
    for (const policy::MeshRecord* record : records)
      add({record->upstream_local, record->upstream}, {microseconds(0), network_span_of(observed).end});
  }

  void put_received(const std::set<std::uint64_t>& connections, const std::set<const target::Receipt*>& packets,
                    Witnesses& one) const {
    std::vector<const target::Receipt*> found = receipts_.of_nonce(one.attempt.nonce);
    found.insert(found.end(), packets.begin(), packets.end());
    for (const std::uint64_t connection : connections) {
      const bool shared = receipts_.carries_other_nonce(connection, one.attempt.nonce);
      for (const target::Receipt* receipt : receipts_.of_connection(connection)) {
        const bool opening =
            receipt->kind == target::ReceiptKind::connection || receipt->kind == target::ReceiptKind::tls;
        // On a shared connection a request without a nonce may be anybody's.
        if (receipt->nonce.empty() && (opening || !shared)) found.push_back(receipt);
      }
    }
    std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return a->number < b->number; });
    for (const target::Receipt* receipt : found) one.received.push_back(*receipt);
  }

  std::vector<ControlEvidence> join_controls() {
    std::string vantage;
    for (const scenario::Profile& profile : plan_.profiles)
      if (profile.vantage) vantage = profile.name;
    std::vector<ControlEvidence> controls;
    for (const plan::Control& control : plan_.controls) {
      ControlEvidence made;
      made.id = control.id;
      const std::string& from = control.from.empty() ? vantage : control.from;
      const auto join_one = [&](const char* phase, const std::string& pod, const probe::Attempt& attempt,
                                Witnesses& one, bool& allowed) {
        const Told told = batches_.find(phase, pod, attempt);
        one = witness(attempt, from, told);
        allowed = told.errors.empty() && client_ok(one) && arrival(one, control.expected) != nullptr;
        if (!allowed && made.why_not.empty()) made.why_not = why_not_allowed(phase, one, told, control.expected);
      };
      join_one("before", from, control.before, made.before, made.allowed_before);
      if (control.beside.empty())
        join_one("after", from, control.after, made.after, made.allowed_after);
      else
        join_one("change", control.beside, control.after, made.after, made.allowed_after);
      controls.push_back(std::move(made));
    }
    return controls;
  }

  Row join_cell(const plan::Cell& cell, const std::vector<ControlEvidence>& controls) {
    Row row;
    row.cell = cell;
    if (cell.fetched) return join_fetched(std::move(row), controls);
    Told told = batches_.find(phase_of(cell), cell.pod, cell.attempt);
    const bool past_proxy = cell.pod != cell.profile;
    // Who else knows the probe's own end of the connection: whoever it dialled past its proxy, or without one.
    const std::string dialled = !cell.inbound.empty()                    ? cell.inbound
                                : past_proxy && cell.via != cell.profile ? cell.via
                                                                         : "";
    row.probe = witness(cell.attempt, cell.profile, told, dialled);
    row.errors = std::move(told.errors);
    if (cell.control < controls.size()) row.control = controls[cell.control];
    const auto profile = std::find_if(plan_.profiles.begin(), plan_.profiles.end(),
                                      [&](const auto& one) { return one.name == cell.profile; });
    row.meshed = profile == plan_.profiles.end() || profile->mesh != scenario::Mesh::none;
    row.via_addresses = addresses_of(cell.via);
    if (cell.cut_within.count() > 0)
      row.long_lived = long_lived(cell, row.probe, collected_.change ? &*collected_.change : nullptr);
    if (row.probe.observed) {
      const probe::Observation& observed = *row.probe.observed;
      row.began_in_force = began_in_force(collected_.policies, cell.profile, observed);
      // That the workload's sidecar was alive says nothing of another pod's.
      row.proxy_seen_around =
          !in_own_pod(cell) && records_.seen_around(cell.profile, {observed.started_at, observed.finished_at});
    }
    return row;
  }

  Row join_fetched(Row row, const std::vector<ControlEvidence>& controls) {
    row.via_addresses = addresses_of(row.cell.via);
    Fetch fetch = fetch_of(row.cell, row.via_addresses, collected_.journal, collected_.records);
    row.probe.attempt = row.cell.attempt;
    row.probe.received = std::move(fetch.received);
    row.probe.logged = std::move(fetch.logged);
    for (const target::Receipt& one : row.probe.received) {
      if (one.connection == 0)
        attributed_packets_.insert(one.number);
      else
        attributed_.insert(one.connection);
    }
    if (row.cell.control < controls.size()) row.control = controls[row.cell.control];
    // The policy that names it is its cause: it cannot come before it.
    row.began_in_force = !collected_.policies.empty();
    return row;
  }

  std::vector<std::string> addresses_of(const std::string& pod) const {
    const auto found = collected_.pod_addresses.find(pod);
    return found == collected_.pod_addresses.end() ? std::vector<std::string>() : found->second;
  }

  [[nodiscard]] bool in_own_pod(const plan::Cell& cell) const {
    return std::any_of(plan_.extra_probes.begin(), plan_.extra_probes.end(),
                       [&](const plan::ExtraProbe& one) { return one.name == cell.pod && one.pod.has_value(); });
  }

  bool is_nobodys(const target::Receipt& opened) const {
    if (opened.kind == target::ReceiptKind::packet)
      return opened.nonce.empty() && attributed_packets_.count(opened.number) == 0;
    return !receipts_.carries_nonce(opened.connection) && attributed_.count(opened.connection) == 0;
  }

  // A gateway opens connections ahead of need, for others' requests too. They cannot be those of an attempt that the
  // pod's own proxy says it sent nowhere, or the network plugin that it dropped.
  static bool may_have_left_the_pod(const Row& row) {
    return row.probe.logged.empty() ||
           std::any_of(row.probe.logged.begin(), row.probe.logged.end(), [&](const policy::MeshRecord& record) {
             const bool own =
                 record.proxy == row.cell.profile || record.proxy == policy::network_witness(row.cell.profile);
             return !own || !record.upstream.empty();
           });
  }

  std::vector<target::Receipt> unattributed(const Row& row) const {
    std::vector<target::Receipt> found;
    if (!row.probe.observed) return found;
    std::vector<std::string> sources = addresses_of(row.cell.pod);
    if (may_have_left_the_pod(row)) sources.insert(sources.end(), row.via_addresses.begin(), row.via_addresses.end());
    for (const target::Receipt* one : receipts_.connections()) {
      const bool during =
          row.probe.observed->started_at <= one->at && one->at <= row.probe.observed->finished_at + late_arrival;
      if (one->fixture != row.cell.target.fixture || !during || !is_nobodys(*one) ||
          std::find(sources.begin(), sources.end(), address_part(one->peer)) == sources.end())
        continue;
      if (one->connection == 0) found.push_back(*one);
      for (const target::Receipt* receipt : receipts_.of_connection(one->connection)) found.push_back(*receipt);
    }
    return found;
  }

  const plan::Plan& plan_;
  const Collected& collected_;
  Batches batches_;
  ReceiptIndex receipts_;
  RecordIndex records_;
  Remapped remapped_;
  std::set<std::uint64_t> attributed_;          // connections that are some attempt's
  std::set<std::uint64_t> attributed_packets_;  // numbers of their receipts
};

}  // namespace

Evidence join(const plan::Plan& plan, const Collected& collected) { return Joiner(plan, collected).run(); }

}  // namespace egressproof::evidence
