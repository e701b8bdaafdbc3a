// The table of docs/architecture.md, both ways: what is allowed, outages and stances.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

using probe::Code;
using probe::Stage;
using scenario::Expect;
using scenario::Stance;
using testing::HasSubstr;

// Allow.

Sample allowed() { return Sample(Expect::allow).logged({by_cluster()}).answered_by("sink"); }

TEST(Allow, ReceiptFromTheExpectedSource) {
  const Finding finding = allowed().judged();
  EXPECT_FINDING(finding, Verdict::allow, Status::pass);
  EXPECT_EQ(finding.mechanism, "upstream 198.51.100.10:443 by outbound|443||allow.test");
  EXPECT_THAT(finding.because, HasSubstr("sink has the receipt (17 from 203.0.113.13:4242)"));
}

TEST(Allow, NeedsNoControlAndOnlyItsOwnReceipt) {
  Sample sample = allowed();
  sample.complete = false;
  EXPECT_FINDING(sample.control(false, false).judged(), Verdict::allow, Status::pass);
  sample.row.probe.received.clear();
  sample.row.probe.genuine_answer = false;
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Allow, FromAnotherSourceIsTheWrongPath) {
  Sample sample = allowed();
  sample.row.cell.via = "egress-gateway";
  sample.row.via_addresses = {"203.0.113.99"};
  const Finding finding = sample.judged();
  EXPECT_FINDING(finding, Verdict::wrong_path, Status::fail);
  EXPECT_THAT(finding.because, HasSubstr("from 203.0.113.13, not from egress-gateway (203.0.113.99)"));
  sample.row.via_addresses.clear();
  EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Allow, OncePastThePathIsTheWrongPath) {
  Sample sample = allowed();
  sample.receive("sink").peer = "203.0.113.77:1";
  EXPECT_FINDING(sample.judged(), Verdict::wrong_path, Status::fail);
}

TEST(Allow, AnsweredWithoutReceiptIsInconclusive) {
  EXPECT_FINDING(Sample(Expect::allow).status(200).judged(), Verdict::inconclusive, Status::inconclusive);
  Sample tls(Expect::allow);
  tls.row.probe.attempt.protocol = probe::Protocol::tls;
  EXPECT_FINDING(tls.code(Code::ok, Stage::tls).logged({}).judged(), Verdict::inconclusive, Status::inconclusive);
}

TEST(Allow, ClientThatFailedIsAFalseDeny) {
  const Finding finding = Sample(Expect::allow).judged();
  EXPECT_FINDING(finding, Verdict::false_deny, Status::fail);
  EXPECT_EQ(finding.layer, Layer::sidecar);
  EXPECT_THAT(finding.because, HasSubstr("denied by route block_all"));
  Sample arrived(Expect::allow);
  arrived.code(Code::response_closed).logged({by_cluster()}).receive("sink");
  EXPECT_FINDING(arrived.judged(), Verdict::false_deny, Status::fail);
  EXPECT_FINDING(Sample(Expect::allow).code(Code::connect_refused).logged({}).judged(), Verdict::false_deny,
                 Status::fail);
}

TEST(Allow, OutageIsInconclusive) {
  Sample sample(Expect::allow);
  EXPECT_FINDING(sample.status(503).logged({by_cluster("UH", 503, "no_healthy_upstream")}).judged(),
                 Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(sample.logged({}).code(Code::name_timeout, Stage::resolve).judged(), Verdict::inconclusive,
                 Status::inconclusive);
  EXPECT_FINDING(sample.code(Code::connect_refused).target_down().judged(), Verdict::inconclusive,
                 Status::inconclusive);
}

// Outage.

TEST(Outage, ShownByClusterNameOrControlPasses) {
  EXPECT_FINDING(Sample(Expect::outage).code(Code::tls_closed, Stage::tls).logged({by_cluster("UF", 0, "")}).judged(),
                 Verdict::inconclusive, Status::pass);
  EXPECT_FINDING(Sample(Expect::outage).code(Code::name_not_found, Stage::resolve).logged({}).judged(),
                 Verdict::inconclusive, Status::pass);
  EXPECT_FINDING(Sample(Expect::outage).code(Code::connect_refused).logged({}).target_down().judged(),
                 Verdict::inconclusive, Status::pass);
}

TEST(Outage, AnsweredByTheProxyWithAnErrorPasses) {
  EXPECT_FINDING(Sample(Expect::outage).status(503).logged({by_cluster("UF,URX", 503, "x")}).judged(),
                 Verdict::inconclusive, Status::pass);
}

TEST(Outage, AnythingElseFails) {
  EXPECT_FINDING(Sample(Expect::outage).answered_by("sink").judged(), Verdict::allow, Status::fail);
  EXPECT_FINDING(Sample(Expect::outage).judged(), Verdict::false_deny, Status::fail);
}

TEST(Outage, InconclusiveForAnotherReasonIsNoPass) {
  EXPECT_FINDING(Sample(Expect::outage).status(200).judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(Sample(Expect::outage).target_down().judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(Sample(Expect::outage).code(Code::connect_refused).logged({}).control(false, false).judged(),
                 Verdict::inconclusive, Status::inconclusive);
  Sample arrived(Expect::outage);
  arrived.code(Code::response_closed).logged({by_cluster("UC", 503, "upstream_reset")}).receive("sink");
  EXPECT_FINDING(arrived.judged(), Verdict::inconclusive, Status::inconclusive);
}

// Stances.

TEST(ImplementationDefined, IsRecordedWhateverHappened) {
  const auto with = [](Expect expect) { return Sample(expect, Stance::implementation_defined); };
  EXPECT_FINDING(with(Expect::deny).judged(), Verdict::deny, Status::recorded);
  EXPECT_FINDING(with(Expect::deny).answered_by("allow").judged(), Verdict::rerouted, Status::recorded);
  EXPECT_FINDING(with(Expect::deny).answered_by("sink").judged(), Verdict::leak, Status::recorded);
  EXPECT_FINDING(with(Expect::allow).judged(), Verdict::false_deny, Status::recorded);
  EXPECT_FINDING(with(Expect::leak).answered_by("sink").judged(), Verdict::leak, Status::recorded);
  EXPECT_FINDING(with(Expect::deny).control(false, true).judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(with(Expect::outage).code(Code::name_not_found).judged(), Verdict::inconclusive, Status::inconclusive);
  EXPECT_FINDING(with(Expect::outage).code(Code::name_not_found).logged({}).judged(), Verdict::inconclusive,
                 Status::recorded);
  Sample early = with(Expect::deny).answered_by("sink");
  early.row.began_in_force = false;
  EXPECT_FINDING(early.judged(), Verdict::leak, Status::inconclusive);
}

TEST(Judging, KeepsOrderAndNamesTheCell) {
  evidence::Evidence all;
  all.receipts_complete = true;
  all.rows = {Sample().row, allowed().row};
  all.rows[1].cell.case_id = "second";
  const Judged judged = judge(all);
  ASSERT_EQ(judged.findings.size(), 2U);
  EXPECT_EQ(judged.findings[0].scenario, "spoof");
  EXPECT_EQ(judged.findings[0].profile, "P3");
  EXPECT_EQ(judged.findings[1].case_id, "second");
  EXPECT_EQ(judged.findings[1].expectation.expect, Expect::allow);
}

TEST(Names, AreThoseOfTheReports) {
  EXPECT_EQ(to_string(Verdict::wrong_path), "WRONG-PATH");
  EXPECT_EQ(to_string(Verdict::false_deny), "FALSE-DENY");
  EXPECT_EQ(to_string(Verdict::rerouted), "REROUTED");
  EXPECT_EQ(to_string(Status::known_leak), "known-leak");
  EXPECT_EQ(to_string(Layer::network_policy), "network-policy");
}

}  // namespace
}  // namespace egressproof::verdict
