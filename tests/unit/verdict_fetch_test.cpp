// Verdicts on requests that the mesh makes itself: there is no client to ask.
#include <gmock/gmock.h>

#include "runner/policy/network_drop.h"
#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

using scenario::Expect;
using ::testing::HasSubstr;

Sample fetched(Expect expect) {
  Sample sample(expect);
  sample.row.cell.fetched = true;
  sample.row.probe.observed.reset();
  return sample.logged({});
}

policy::MeshRecord dropped() {
  policy::MeshRecord record;
  record.proxy = policy::network_witness(own_pod);
  record.details = policy::network_policy_drop;
  record.downstream = std::string(own_address) + ":41000";
  record.destination = "198.51.100.66:80";
  return record;
}

TEST(Fetched, ArrivalIsALeak) {
  Sample known = fetched(Expect::leak);
  known.receive("sink").nonce.clear();
  EXPECT_FINDING(known.judged(), Verdict::leak, Status::known_leak);
  EXPECT_THAT(known.judged().because, HasSubstr("no sidecar stands in the way"));
  Sample denied = fetched(Expect::deny);
  denied.receive("sink").nonce.clear();
  EXPECT_FINDING(denied.judged(), Verdict::leak, Status::fail);
  Sample touched = fetched(Expect::deny);
  touched.receive("sink", target::ReceiptKind::connection).nonce.clear();
  EXPECT_FINDING(touched.judged(), Verdict::leak, Status::fail);
}

TEST(Fetched, ADenialHasAWitness) {
  Sample sample = fetched(Expect::deny);
  sample.logged({dropped()});
  EXPECT_FINDING(sample.judged(), Verdict::deny, Status::pass);
  EXPECT_EQ(sample.judged().layer, Layer::network_policy);
  sample.logged({});
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_THAT(sample.judged().because, HasSubstr("no witness tells who denied it"));
}

TEST(Fetched, NothingFollowsFromSilence) {
  EXPECT_FINDING(fetched(Expect::leak).judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(fetched(Expect::allow).judged(), Verdict::inconclusive, Status::inconclusive);
  Sample sample = fetched(Expect::deny);
  sample.logged({dropped()}).control(true, false);
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
  sample.control(true, true).complete = false;
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
  sample.complete = true;
  sample.row.via_addresses.clear();
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Fetched, WhatIsAllowedArrives) {
  Sample sample = fetched(Expect::allow);
  sample.receive("sink").nonce.clear();
  EXPECT_FINDING(sample.judged(), Verdict::allow, Status::pass);
}

}  // namespace
}  // namespace egressproof::verdict
