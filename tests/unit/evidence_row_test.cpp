// Controls, policies in force, connections that are nobody's, and what is told of the run.
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
using testing::Pair;

Sample denied() {
  Sample sample;
  sample.add_cell("a");
  sample.observe(Code::response_reset);
  sample.allow_controls();
  return sample;
}

TEST(JoinControl, AllowedBeforeAndAfter) {
  const Row row = denied().row();
  EXPECT_TRUE(row.control.allowed_before);
  EXPECT_TRUE(row.control.allowed_after);
  EXPECT_EQ(row.control.why_not, "");
  EXPECT_EQ(row.control.id, "control/a");
  EXPECT_TRUE(row.control.before.observed);
}

TEST(JoinControl, EachSideIsJudgedAloneAndTheFirstReasonIsTold) {
  Sample sample = denied();
  sample.collected.batches["after"]["P0"].observations.clear();
  Row row = sample.row();
  EXPECT_TRUE(row.control.allowed_before);
  EXPECT_FALSE(row.control.allowed_after);
  EXPECT_EQ(row.control.why_not, "after: the probe told nothing of it");

  probe::Observation& before = sample.collected.batches["before"]["P0"].observations.at(1);
  before.code = Code::connect_refused;
  before.reached = probe::Stage::connect;
  row = sample.row();
  EXPECT_FALSE(row.control.allowed_before);
  EXPECT_EQ(row.control.why_not, "before: the client saw connect_refused in stage connect");

  before.code = Code::ok;
  before.http_status = 502;
  EXPECT_EQ(sample.row().control.why_not, "before: the client got status 502 and a genuine answer");
  before.http_status = 200;
  before.answer.reset();
  EXPECT_EQ(sample.row().control.why_not, "before: the client got status 200 and no genuine answer");
}

TEST(JoinControl, MustArriveWhereItIsExpected) {
  Sample sample = denied();
  sample.plan.controls[0].expected = {"allow", ""};
  EXPECT_EQ(sample.row().control.why_not, "before: nothing arrived at allow");
  sample.plan.controls[0].expected = {"sink", "fronted.test"};
  EXPECT_EQ(sample.row().control.why_not, "before: nothing arrived at sink for fronted.test");
  EXPECT_FALSE(sample.row().control.allowed_before);
}

TEST(JoinControl, BrokenStreamIsNoControl) {
  Sample sample = denied();
  sample.collected.batches["before"]["P0"].closed = false;
  EXPECT_FALSE(sample.row().control.allowed_before);
  EXPECT_TRUE(sample.row().control.allowed_after);
}

TEST(JoinControl, LostReceiptIsNoControl) {
  Sample sample = denied();
  std::erase_if(sample.collected.journal.receipts,
                [&](const auto& one) { return one.nonce == sample.plan.controls[0].after.nonce; });
  EXPECT_FALSE(sample.row().control.allowed_after);
}

TEST(InForce, AttemptMustBeginAfterTheNewestGenerationIsInForce) {
  Sample sample = denied();
  EXPECT_TRUE(sample.row().began_in_force);
  sample.collected.policies[0].in_force_at = Sample::at(1000);
  EXPECT_TRUE(sample.row().began_in_force);
  sample.collected.policies[0].in_force_at = Sample::at(1001);
  EXPECT_FALSE(sample.row().began_in_force);
  sample.collected.policies[0].in_force_at = policy::TimePoint{0};
  EXPECT_FALSE(sample.row().began_in_force);
  sample.collected.policies.clear();
  EXPECT_FALSE(sample.row().began_in_force);
}

TEST(InForce, GenerationAppliedMeanwhileCounts) {
  Sample sample = denied();
  policy::Applied next;
  next.generation = 3;
  next.applied_at = Sample::at(1050);
  next.in_force_at = Sample::at(1200);
  sample.collected.policies.push_back(next);
  EXPECT_FALSE(sample.row().began_in_force);
  sample.collected.policies[1].applied_at = Sample::at(1101);
  EXPECT_TRUE(sample.row().began_in_force) << "applied after the attempt";
  std::swap(sample.collected.policies[0], sample.collected.policies[1]);
  EXPECT_TRUE(sample.row().began_in_force) << "in any order";
}

TEST(InForce, CanariesOfTheProfileMustHaveTurned) {
  const auto with = [](std::vector<policy::CanaryTurn> policy::Applied::*turns, const std::string& profile,
                       bool turned) {
    Sample sample = denied();
    policy::CanaryTurn turn;
    turn.profile = profile;
    turn.turned = turned;
    (sample.collected.policies[0].*turns).push_back(turn);
    return sample.row().began_in_force;
  };
  EXPECT_TRUE(with(&policy::Applied::enforcement, "P3", true));
  EXPECT_FALSE(with(&policy::Applied::enforcement, "P3", false));
  EXPECT_FALSE(with(&policy::Applied::admission, "P3", false));
  EXPECT_TRUE(with(&policy::Applied::enforcement, "P4", false)) << "of another profile";
  EXPECT_TRUE(with(&policy::Applied::revocation, "P3", false)) << "measured after the probes";
}

TEST(Unattributed, NoncelessConnectionFromThePodAtTheTargetMeanwhile) {
  Sample sample = denied();
  const std::size_t first = sample.collected.journal.receipts.size() + 1;
  sample.receive(ReceiptKind::connection, 5);
  sample.receive(ReceiptKind::request, 5);
  EXPECT_EQ(numbers(sample.row().unattributed), (std::vector<std::uint64_t>{first, first + 1}));
  EXPECT_THAT(sample.joined().unattributed, ElementsAre(Pair("sink", 1)));
}

TEST(Unattributed, NotOfAnotherPodFixtureOrTime) {
  const auto count = [](const std::function<void(target::Receipt&)>& change) {
    Sample sample = denied();
    change(sample.receive(ReceiptKind::connection, 5));
    return sample.row().unattributed.size();
  };
  EXPECT_EQ(count([](auto&) {}), 1U);
  EXPECT_EQ(count([](auto& one) { one.peer = "203.0.113.14:1"; }), 0U);
  EXPECT_EQ(count([](auto& one) { one.fixture = "allow"; }), 0U);
  EXPECT_EQ(count([](auto& one) { one.at = Sample::at(999); }), 0U);
  EXPECT_EQ(count([](auto& one) { one.at = Sample::at(1599); }), 1U) << "a little late";
  EXPECT_EQ(count([](auto& one) { one.at = Sample::at(1601); }), 0U);
}

TEST(Unattributed, NotWithANonceOrWhereAnotherAttemptExplainsIt) {
  Sample sample;
  sample.add_cell("other", Protocol::tcp);
  const probe::Observation other = sample.observe(Code::ok);
  sample.add_cell("a");
  sample.observe(Code::response_reset);
  sample.receive(ReceiptKind::connection, 5);
  sample.receive(ReceiptKind::request, 5, "0123456789abcdef0123456789abcdef");
  EXPECT_THAT(sample.row().unattributed, IsEmpty()) << "a nonce of whoever it is";
  const target::Receipt silent = sample.receive(ReceiptKind::connection, 6);
  EXPECT_EQ(sample.row().unattributed.size(), 1U);
  policy::MeshRecord& record = sample.log();
  record.downstream = other.local;
  record.upstream_local = silent.peer;
  EXPECT_THAT(sample.row().unattributed, IsEmpty());
  EXPECT_EQ(sample.joined().rows[0].probe.received.size(), 1U);
}

TEST(Unattributed, OfTheGatewayOnlyWhereThePodMayHaveSentItThere) {
  Sample sample = denied();
  sample.plan.cells[0].via = "P3.gateway";
  sample.collected.pod_addresses["P3.gateway"] = {"203.0.113.99"};
  sample.receive(ReceiptKind::connection, 5).peer = "203.0.113.99:1";
  EXPECT_EQ(sample.row().unattributed.size(), 1U) << "nobody says where the attempt ended";
  sample.log(sample.plan.cells[0].attempt.nonce).route = "block_all";
  EXPECT_THAT(sample.row().unattributed, IsEmpty()) << "its sidecar sent it nowhere";
  sample.collected.records[0].upstream = "203.0.113.99:8080";
  EXPECT_EQ(sample.row().unattributed.size(), 1U);
  EXPECT_THAT(sample.row().via_addresses, ElementsAre("203.0.113.99"));
}

TEST(JoinRun, ReceiptsAreCompleteOnlyReadableAndWithoutGap) {
  Sample sample = denied();
  EXPECT_TRUE(sample.joined().receipts_complete);
  EXPECT_THAT(sample.joined().errors, IsEmpty());
  sample.collected.journal.errors = {"gap after 7"};
  EXPECT_FALSE(sample.joined().receipts_complete);
  EXPECT_THAT(sample.joined().errors, ElementsAre("receipts: gap after 7"));
  sample.collected.journal.errors.clear();
  sample.collected.journal_readable = false;
  sample.collected.errors = {"the receipts could not be read"};
  EXPECT_FALSE(sample.joined().receipts_complete);
  EXPECT_THAT(sample.joined().errors, ElementsAre("the receipts could not be read"));
}

TEST(JoinRun, RowKnowsItsPod) {
  Sample sample = denied();
  EXPECT_TRUE(sample.row().meshed);
  EXPECT_THAT(sample.row().via_addresses, ElementsAre(pod_address));
  sample.plan.profiles[1].mesh = scenario::Mesh::none;
  EXPECT_FALSE(sample.row().meshed);
  EXPECT_FALSE(sample.row().proxy_seen_around);
  sample.log().at = Sample::at(900);
  EXPECT_FALSE(sample.row().proxy_seen_around);
  sample.log().at = Sample::at(1101);
  EXPECT_TRUE(sample.row().proxy_seen_around);
  sample.collected.records[1].proxy = "P4";
  EXPECT_FALSE(sample.row().proxy_seen_around);
}

}  // namespace
}  // namespace egressproof::evidence
