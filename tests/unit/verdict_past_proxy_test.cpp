// Denials that are to show that NetworkPolicy denies, whatever the sidecar does.
#include <gtest/gtest.h>

#include "runner/policy/network_drop.h"
#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

policy::MeshRecord drop() {
  policy::MeshRecord record;
  record.proxy = policy::network_witness(own_pod);
  record.details = policy::network_policy_drop;
  record.downstream = "203.0.113.13:20001";
  record.destination = "198.51.100.66:443";
  return record;
}

Sample past_proxy() {
  Sample sample;
  sample.row.cell.case_id = "past-proxy.case";
  return sample.code(probe::Code::connect_timeout);
}

TEST(PastProxy, IsDeniedByTheRecordOfItsOwnDroppedConnection) {
  const Finding finding = past_proxy().logged({drop()}).judged();
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_EQ(finding.layer, Layer::network_policy);
}

TEST(PastProxy, ADenialByTheSidecarShowsNothingOfTheNetwork) {
  EXPECT_FINDING(past_proxy().logged({block_all()}).judged(), Verdict::inconclusive, Status::inconclusive);
  Sample refused = past_proxy();
  refused.row.proxy_seen_around = true;
  EXPECT_FINDING(refused.code(probe::Code::connect_refused).logged({}).judged(), Verdict::inconclusive,
                 Status::inconclusive);
}

TEST(PastProxy, ATimeoutWithoutARecordIsNoDenial) {
  EXPECT_FINDING(past_proxy().logged({}).judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(Sample().code(probe::Code::connect_timeout).logged({}).judged(), Verdict::inconclusive,
                 Status::inconclusive);
}

TEST(PastProxy, AReceiptIsALeakWhateverWasDropped) {
  Sample sample = past_proxy();
  sample.receive("sink");
  EXPECT_FINDING(sample.logged({drop()}).judged(), Verdict::leak, Status::fail);
}

TEST(OverriddenDefaultDeny, LeavesDenialsToTheNetwork) {
  Sample sample;
  sample.row.cell.default_deny_overridden = true;
  EXPECT_FINDING(sample.logged({block_all()}).judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(sample.logged({by_cluster("UF", 503, "x"), drop()}).judged(), Verdict::deny, Status::pass);
  EXPECT_FINDING(Sample().logged({block_all()}).judged(), Verdict::deny, Status::pass);
}

TEST(NetworkPolicyDrop, DeniesAnAttemptThroughTheProxyToo) {
  const Finding finding = Sample().logged({by_cluster("UF", 503, "x"), drop()}).judged();
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_EQ(finding.layer, Layer::network_policy);
}

}  // namespace
}  // namespace egressproof::verdict
