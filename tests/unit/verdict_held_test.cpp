// Clients that say nothing, which a sidecar holds and does not log: the pod's kernel is the witness.
#include <gtest/gtest.h>

#include "runner/policy/capture_hold.h"
#include "runner/policy/capture_refusal.h"
#include "runner/verdict/mesh.h"
#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

policy::MeshRecord held() {
  policy::MeshRecord record;
  record.proxy = policy::capture_witness(own_pod);
  record.downstream = "203.0.113.13:20001";
  record.destination = "198.51.100.75:25";
  record.details = policy::capture_hold;
  return record;
}

Sample silent() {
  Sample sample;
  sample.code(probe::Code::response_timeout, probe::Stage::response);
  sample.row.cell.attempt.protocol = sample.row.probe.attempt.protocol = probe::Protocol::tcp;
  sample.row.proxy_seen_around = true;
  sample.row.probe.logged = {held()};
  return sample;
}

Finding judged(const Sample& sample, bool records_readable = true) {
  evidence::Evidence evidence;
  evidence.rows = {sample.row};
  evidence.receipts_complete = true;
  evidence.records_readable = records_readable;
  return judge(evidence).findings.front();
}

TEST(HeldClient, IsDeniedByItsSidecar) {
  const Finding finding = judged(silent());
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_EQ(finding.layer, Layer::sidecar);
  EXPECT_EQ(finding.mechanism,
            "the sidecar, which held 203.0.113.13:20001 to 198.51.100.75:25 until the client ended it");
}

TEST(HeldClient, OnlyByOneThatWasSeenAlive) {
  Sample sample = silent();
  sample.row.proxy_seen_around = false;
  EXPECT_FINDING(judged(sample), Verdict::inconclusive, Status::inconclusive);
}

TEST(HeldClient, OnlyWhileItGotNothing) {
  Sample answered = silent();
  answered.row.probe.observed->bytes_received = 20;
  EXPECT_FINDING(judged(answered), Verdict::inconclusive, Status::inconclusive);
  for (const probe::Code code : {probe::Code::response_closed, probe::Code::response_reset}) {
    Sample ended = silent();
    ended.code(code, probe::Stage::response);
    EXPECT_FINDING(judged(ended), Verdict::inconclusive, Status::inconclusive);
  }
}

TEST(HeldClient, OnlyWithTheKernelsWord) {
  Sample sample = silent();
  sample.row.probe.logged.clear();
  EXPECT_FINDING(judged(sample), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(judged(silent(), false), Verdict::inconclusive, Status::inconclusive);
}

TEST(HeldClient, NotWhereTheProxySentItOn) {
  Sample sample = silent();
  sample.row.probe.logged.push_back(by_cluster());
  EXPECT_FINDING(judged(sample), Verdict::inconclusive, Status::inconclusive);
}

TEST(HeldClient, NotWhereSomethingCameFromThisPod) {
  Sample sample = silent();
  target::Receipt greeting;
  greeting.number = 7;
  greeting.connection = 3;
  greeting.fixture = "sink";
  greeting.peer = std::string(own_address) + ":20001";
  for (const target::ReceiptKind kind : {target::ReceiptKind::connection, target::ReceiptKind::greeting}) {
    greeting.kind = kind;
    sample.row.unattributed = {greeting};
    EXPECT_FINDING(judged(sample), Verdict::inconclusive, Status::inconclusive);
  }
  greeting.kind = target::ReceiptKind::greeting;
  sample.row.unattributed.clear();
  sample.row.probe.received = {greeting};
  const Finding leak = judged(sample);
  EXPECT_FINDING(leak, Verdict::leak, Status::fail);
  EXPECT_NE(leak.because.find("the mesh logged nothing of it"), std::string::npos) << leak.because;
}

TEST(HeldClient, NoWitnessPastTheProxy) {
  Sample sample = silent();
  sample.row.cell.case_id = "past-proxy.case";
  EXPECT_FINDING(judged(sample), Verdict::inconclusive, Status::inconclusive);
}

TEST(HeldClient, ARecordOfTheProxyItselfGoesBefore) {
  EXPECT_EQ(read({held()}, own_pod).say, Say::held);
  EXPECT_EQ(read({held(), by_cluster()}, own_pod).say, Say::forwarded);
  EXPECT_EQ(read({held(), black_hole()}, own_pod).mechanism, read({black_hole()}, own_pod).mechanism);
}

}  // namespace
}  // namespace egressproof::verdict
