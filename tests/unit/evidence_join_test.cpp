// Which observations, receipts and mesh records belong to an attempt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/evidence_sample.h"

namespace egressproof::evidence {
namespace {

using probe::Code;
using probe::Protocol;
using target::ReceiptKind;
using testing::ElementsAre;
using testing::IsEmpty;

std::string peer_of(std::uint64_t connection) {
  return std::string(pod_address) + ":" + std::to_string(50000 + connection);
}

TEST(JoinObservation, ByNonceWhateverTheSequence) {
  Sample sample;
  sample.add_cell("a");
  sample.observe(Code::response_reset);
  sample.add_cell("b");
  sample.observe(Code::connect_refused);
  auto& observations = sample.collected.batches["probe"]["P3"].observations;
  std::swap(observations.at(1), observations.at(2));
  const Evidence evidence = sample.joined();
  EXPECT_EQ(evidence.rows[0].probe.observed->code, Code::response_reset);
  EXPECT_EQ(evidence.rows[1].probe.observed->code, Code::connect_refused);
  EXPECT_THAT(evidence.rows[0].errors, IsEmpty());
}

TEST(JoinObservation, MissingOneIsAnErrorWithTheStreamsReason) {
  Sample sample;
  sample.add_cell("a");
  sample.observe(Code::response_reset);
  sample.add_cell("b");
  auto& result = sample.collected.batches["probe"]["P3"];
  result.errors = {"batch p: malformed observation at byte 3: what", "batch p: no observation of attempt 2",
                   "batch p: no observation of attempt 12"};
  const Evidence evidence = sample.joined();
  EXPECT_THAT(evidence.rows[0].errors, IsEmpty()) << "what befell another does not concern it";
  EXPECT_FALSE(evidence.rows[1].probe.observed);
  EXPECT_THAT(evidence.rows[1].errors,
              ElementsAre("the probe told nothing of it", "batch p: malformed observation at byte 3: what"));
  EXPECT_THAT(evidence.errors, ElementsAre("phase 'probe' in P3: batch p: malformed observation at byte 3: what",
                                           "phase 'probe' in P3: 2 attempts without observation"));
}

TEST(JoinObservation, BrokenStreamConcernsAllOfItsRows) {
  Sample sample;
  sample.add_cell("a");
  sample.observe(Code::response_reset);
  auto& result = sample.collected.batches["probe"]["P3"];
  result.closed = false;
  result.errors = {"batch p: the stream ended without a closing record"};
  EXPECT_THAT(sample.row().errors, ElementsAre("the probe's stream of phase 'probe' in P3 is not whole",
                                               "batch p: the stream ended without a closing record"));
}

TEST(JoinObservation, NoBatchAtAllIsAnError) {
  Sample sample;
  sample.add_cell("a");
  sample.collected.batches.erase("probe");
  EXPECT_THAT(sample.row().errors, ElementsAre("no batch of phase 'probe' in P3"));
}

TEST(JoinObservation, DuplicateAndForeignIdAreErrors) {
  Sample sample;
  sample.add_cell("a");
  sample.observe(Code::response_reset);
  sample.observe(Code::ok);
  EXPECT_THAT(sample.row().errors, ElementsAre("observed twice, as 1 and 2"));
  sample.collected.batches["probe"]["P3"].observations.erase(2);
  sample.collected.batches["probe"]["P3"].errors = {"batch p: observation 1 came twice",
                                                    "batch p: observation 11 came twice"};
  EXPECT_THAT(sample.row().errors, ElementsAre("batch p: observation 1 came twice"));
  sample.collected.batches["probe"]["P3"].errors.clear();
  sample.collected.batches["probe"]["P3"].observations.at(1).attempt_id = "spoof/b/P3";
  EXPECT_THAT(sample.row().errors, ElementsAre("the observation with its nonce is of attempt 'spoof/b/P3'"));
}

TEST(JoinObservation, OfAnotherPodOrPhaseIsNotItsOwn) {
  Sample sample;
  const probe::Attempt attempt = sample.add_cell("a");
  sample.observe_in("probe", "P0", attempt, Code::ok, 1000);
  sample.observe_in("before", "P3", attempt, Code::ok, 500);
  EXPECT_FALSE(sample.row().probe.observed);
}

TEST(JoinObservation, UnsupportedIsAnError) {
  Sample sample;
  sample.add_cell("a");
  sample.observe(Code::unsupported).detail = "no HTTP/3";
  EXPECT_THAT(sample.row().errors, ElementsAre("unsupported by the probe: no HTTP/3"));
}

TEST(JoinReceipts, OfTheNonceAndOfTheConnectionsThatCarriedIt) {
  Sample sample;
  const std::string nonce = sample.add_cell("a").nonce;
  sample.observe(Code::ok);
  sample.receive(ReceiptKind::connection, 1);
  sample.receive(ReceiptKind::connection, 2);
  sample.receive(ReceiptKind::tls, 1);
  sample.receive(ReceiptKind::request, 1, nonce);
  sample.receive(ReceiptKind::dns, 0, nonce, "dns");
  EXPECT_EQ(numbers(sample.row().probe.received), (std::vector<std::uint64_t>{1, 3, 4, 5}));
  EXPECT_THAT(reached(sample.row().probe), ElementsAre("sink")) << "name resolution is not arrival";
}

TEST(JoinReceipts, KeepAliveOtherAttemptsOnTheConnectionStayTheirs) {
  Sample sample;
  const std::string first = sample.add_cell("a").nonce;
  sample.observe(Code::ok);
  const std::string second = sample.add_cell("b").nonce;
  sample.observe(Code::ok);
  sample.receive_request(1, first, "allow");
  sample.receive(ReceiptKind::request, 1, second, "allow");
  sample.receive(ReceiptKind::request, 1, "", "allow");
  const Evidence evidence = sample.joined();
  EXPECT_EQ(numbers(evidence.rows[0].probe.received), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(numbers(evidence.rows[1].probe.received), (std::vector<std::uint64_t>{1, 3}));
}

TEST(JoinReceipts, WithoutANonceByTheProxysEndOfTheConnection) {
  Sample sample;
  sample.add_cell("a", Protocol::tcp);
  const probe::Observation& seen = sample.observe(Code::response_closed);
  policy::MeshRecord& record = sample.log();
  record.downstream = seen.local;
  record.destination = seen.peer;
  record.upstream = "198.51.100.66:80";
  record.upstream_local = peer_of(7);
  sample.receive(ReceiptKind::connection, 7);
  sample.receive(ReceiptKind::payload, 7);
  const Row row = sample.row();
  EXPECT_EQ(numbers(row.probe.received), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(arrival(row.probe, {"sink", ""})->number, 2U);
  EXPECT_THAT(row.unattributed, IsEmpty());
  EXPECT_THAT(sample.joined().unattributed, IsEmpty());
  for (target::Receipt& receipt : sample.collected.journal.receipts)
    receipt.at = seen.finished_at + std::chrono::seconds(5);
  EXPECT_EQ(sample.row().probe.received.size(), 2U) << "the target was late to take it";
  sample.collected.records[0].upstream = "198.51.100.10:80";
  EXPECT_THAT(sample.row().probe.received, IsEmpty()) << "the same port, but to somewhere else";
}

TEST(JoinReceipts, WithoutANonceByTheProbesOwnEnds) {
  Sample sample;
  sample.add_cell("a", Protocol::tcp);
  const probe::Observation seen = sample.observe(Code::response_closed);
  sample.receive(ReceiptKind::connection, 7).peer = seen.local;
  EXPECT_EQ(numbers(sample.row().probe.received), (std::vector<std::uint64_t>{1})) << "past the sidecar";
  EXPECT_EQ(touch(sample.row().probe, {"sink", ""})->number, 1U);
  EXPECT_EQ(arrival(sample.row().probe, {"sink", ""}), nullptr) << "nothing was sent on it";
  sample.collected.journal.receipts[0].at = Sample::at(9000);
  EXPECT_THAT(sample.row().probe.received, IsEmpty()) << "the port was used again later";
}

TEST(JoinReceipts, PacketThatBecameNoConnection) {
  Sample sample;
  sample.add_cell("a", Protocol::tcp);
  const probe::Observation seen = sample.observe(Code::connect_timeout);
  target::Receipt& packet = sample.receive(ReceiptKind::packet, 0);
  packet.peer = seen.local;
  packet.transport = "tcp";
  EXPECT_EQ(touch(sample.row().probe, {"sink", ""})->kind, ReceiptKind::packet);
  EXPECT_EQ(arrival(sample.row().probe, {"sink", ""}), nullptr);
  sample.collected.journal.receipts[0].peer = std::string(pod_address) + ":1";
  EXPECT_EQ(numbers(sample.row().unattributed), (std::vector<std::uint64_t>{1}));
}

TEST(JoinRecords, ByNonceInAnyProxyInOrderOfTime) {
  Sample sample;
  const std::string nonce = sample.add_cell("a").nonce;
  sample.observe(Code::ok).http_status = 502;
  sample.log(nonce).at = Sample::at(1060);
  sample.log(nonce).proxy = "gateway";
  sample.log("0123456789abcdef0123456789abcdef");
  const auto logged = sample.row().probe.logged;
  ASSERT_EQ(logged.size(), 2U);
  EXPECT_EQ(logged[0].proxy, "gateway");
}

TEST(JoinRecords, WithoutANonceByTheProbesEndInItsOwnPodAndTime) {
  Sample sample;
  sample.add_cell("a", Protocol::tls);
  const probe::Observation seen = sample.observe(Code::tls_closed);
  policy::MeshRecord& record = sample.log();
  record.downstream = seen.local;
  record.destination = seen.peer;
  EXPECT_EQ(sample.row().probe.logged.size(), 1U);
  const policy::MeshRecord right = record;
  for (const auto& change : std::vector<std::function<void(policy::MeshRecord&)>>{
           [](auto& one) { one.downstream = "203.0.113.99:1234"; },  // another pod's with the same records
           [](auto& one) { one.proxy = "P4"; }, [](auto& one) { one.at = Sample::at(5000); },
           [](auto& one) { one.destination = "198.51.100.10:443"; },
           [](auto& one) {
             one.downstream += "1";
             one.at = Sample::at(1500);
           },
           [](auto& one) { one.nonce = "0123456789abcdef0123456789abcdef"; }}) {
    sample.collected.records[0] = right;
    change(sample.collected.records[0]);
    EXPECT_THAT(sample.row().probe.logged, IsEmpty());
  }
  sample.collected.records[0] = right;
  sample.collected.records[0].destination = "203.0.113.13:15001";
  EXPECT_EQ(sample.row().probe.logged.size(), 1U) << "logged before the original destination was restored";
}

TEST(JoinRecords, ThroughTheReceiptsPeerAndTheNextProxy) {
  Sample sample;
  const std::string nonce = sample.add_cell("a", Protocol::tls).nonce;
  const probe::Observation seen = sample.observe(Code::ok);
  policy::MeshRecord& sidecar = sample.log();
  sidecar.downstream = seen.local;
  sidecar.upstream = "203.0.113.99:8443";
  sidecar.upstream_local = std::string(pod_address) + ":45000";
  policy::MeshRecord& gateway = sample.log();
  gateway.proxy = "gateway";
  gateway.downstream = std::string(pod_address) + ":45000";
  gateway.destination = "203.0.113.99:8443";
  EXPECT_EQ(sample.row().probe.logged.size(), 2U);
  sample.collected.records.erase(sample.collected.records.begin());
  EXPECT_THAT(sample.row().probe.logged, IsEmpty());
  sample.collected.records[0].upstream_local = peer_of(3);
  sample.collected.records[0].upstream = "198.51.100.66:80";
  sample.receive(ReceiptKind::connection, 3);
  sample.receive(ReceiptKind::tls, 3, nonce);
  EXPECT_EQ(sample.row().probe.logged.size(), 1U);
}

// Two attempts from one source port to two destinations; the sidecar logged the second under another port.
Sample remapped() {
  Sample sample;
  sample.add_cell("first").address = "198.51.100.10";
  probe::Observation& first = sample.observe(Code::ok);
  first.peer = "198.51.100.10:80";
  sample.log(sample.plan.cells[0].attempt.nonce).destination = first.peer;
  sample.add_cell("second", Protocol::tls).sni = "Deny.test";
  sample.observe(Code::tls_closed).local = first.local;
  policy::MeshRecord& record = sample.log();
  record.downstream = std::string(pod_address) + ":1234";
  record.destination = "198.51.100.66:80";
  record.sni = "deny.test";
  return sample;
}

TEST(JoinRecords, OfAChangedSourcePortWhereOnlyOneFits) {
  Sample sample = remapped();
  const Evidence evidence = sample.joined();
  ASSERT_EQ(evidence.rows[1].probe.logged.size(), 1U);
  EXPECT_EQ(evidence.rows[1].probe.logged[0].sni, "deny.test");
  EXPECT_EQ(evidence.rows[0].probe.logged.size(), 1U) << "has its own";
  const std::vector<std::function<void(policy::MeshRecord&)>> changes = {
      [](auto& one) { one.destination = "198.51.100.10:80"; },
      [](auto& one) { one.sni = "other.test"; },
      [](auto& one) { one.at = Sample::at(999); },
      [](auto& one) { one.at = Sample::at(1101); },
      [](auto& one) { one.proxy = "P4"; },
      [](auto& one) { one.nonce = "0123456789abcdef0123456789abcdef"; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Sample changed = remapped();
    changes[i](changed.collected.records[1]);
    EXPECT_THAT(changed.row().probe.logged, IsEmpty()) << i;
  }
}

TEST(JoinRecords, OfAChangedSourcePortIsNobodysWhereTheNumbersDiffer) {
  Sample records = remapped();
  records.collected.records.push_back(records.collected.records[1]);
  records.collected.records[2].downstream += "5";
  EXPECT_THAT(records.row().probe.logged, IsEmpty()) << "two records";
  Sample attempts = remapped();
  attempts.add_cell("third", Protocol::tls).sni = "deny.test";
  attempts.observe(Code::tls_closed).local = std::string(pod_address) + ":7";
  EXPECT_THAT(attempts.joined().rows[1].probe.logged, IsEmpty()) << "two attempts";
  EXPECT_THAT(attempts.joined().rows[2].probe.logged, IsEmpty());
  Sample owned = remapped();
  owned.add_cell("third", Protocol::tls);
  probe::Observation& third = owned.observe(Code::tls_closed);
  third.local = owned.collected.records[1].downstream;
  EXPECT_THAT(owned.joined().rows[1].probe.logged, IsEmpty()) << "the third's";
  EXPECT_EQ(owned.joined().rows[2].probe.logged.size(), 1U);
}

TEST(JoinRecords, OfChangedSourcePortsThatAllSayTheSameAreOneEach) {
  Sample sample = remapped();
  sample.add_cell("third", Protocol::tls).sni = "deny.test";
  sample.observe(Code::tls_closed).local = std::string(pod_address) + ":7";
  sample.collected.records[1].cluster = "BlackHoleCluster";
  sample.collected.records.push_back(sample.collected.records[1]);
  sample.collected.records[2].downstream += "5";
  const Evidence evidence = sample.joined();
  ASSERT_EQ(evidence.rows[1].probe.logged.size(), 1U);
  ASSERT_EQ(evidence.rows[2].probe.logged.size(), 1U);
  EXPECT_NE(evidence.rows[1].probe.logged[0].downstream, evidence.rows[2].probe.logged[0].downstream);
  Sample differing = sample;
  differing.collected.records[2].cluster = "PassthroughCluster";
  EXPECT_THAT(differing.joined().rows[1].probe.logged, IsEmpty());
  Sample forwarded = sample;
  for (policy::MeshRecord& one : forwarded.collected.records) one.upstream = "198.51.100.66:80";
  EXPECT_THAT(forwarded.joined().rows[1].probe.logged, IsEmpty()) << "whose receipts are whose would matter";
}

}  // namespace
}  // namespace egressproof::evidence
