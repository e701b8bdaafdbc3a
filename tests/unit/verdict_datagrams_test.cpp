// Denials that a client cannot tell from success, and a codec's 501.
#include <gtest/gtest.h>

#include "runner/policy/network_drop.h"
#include "runner/verdict/mesh.h"
#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

Sample one_way() {
  Sample sample;
  sample.code(probe::Code::ok, probe::Stage::response);
  sample.row.cell.attempt.protocol = sample.row.probe.attempt.protocol = probe::Protocol::udp;
  sample.row.cell.attempt.expects_answer = sample.row.probe.attempt.expects_answer = false;
  sample.row.probe.logged.clear();
  return sample;
}

Finding judged(const Sample& sample) {
  evidence::Evidence evidence;
  evidence.rows = {sample.row};
  evidence.receipts_complete = true;
  return judge(evidence).findings.front();
}

TEST(OneWayDatagrams, ThatTheyWereSentIsNoDenial) {
  EXPECT_FINDING(judged(one_way()), Verdict::inconclusive, Status::inconclusive);
}

TEST(OneWayDatagrams, ADropOfTheirOwnIs) {
  Sample sample = one_way();
  policy::MeshRecord drop;
  drop.proxy = policy::network_witness(own_pod);
  drop.details = policy::network_policy_drop;
  sample.row.probe.logged = {drop};
  const Finding finding = judged(sample);
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_EQ(finding.layer, Layer::network_policy);
}

TEST(MeshDenied, ATransferCodingThatTheCodecDoesNotKnow) {
  policy::MeshRecord record;
  record.proxy = own_pod;
  record.code = 501;
  record.details = "http1.invalid_transfer_encoding";
  record.flags = "DPE";
  EXPECT_EQ(read(record, own_pod).say, Say::denied);
  record.details = "via_upstream";
  record.flags = "";
  EXPECT_NE(read(record, own_pod).say, Say::denied) << "the host's own 501";
}

}  // namespace
}  // namespace egressproof::verdict
