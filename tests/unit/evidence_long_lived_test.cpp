// What a change of the policies did to an attempt that was open.
#include <gtest/gtest.h>

#include "tests/unit/evidence_sample.h"

namespace egressproof::evidence {
namespace {

using probe::Code;
using std::chrono::milliseconds;
using target::ReceiptKind;

// Sent from 1000 ms on; the change is made at 2000 ms and in force at 2400 ms. Until 2700 ms ticks may arrive.
Sample changed() {
  Sample sample;
  sample.collected.batches["change"]["P3@1000:1000"].closed = true;
  sample.collected.batches["change"]["P0@1000:1000"].closed = true;
  sample.add_cell("a");
  plan::Cell& cell = sample.plan.cells.back();
  cell.pod = "P3@1000:1000";
  cell.cut_within = milliseconds(300);
  sample.plan.controls.back().beside = "P0@1000:1000";
  policy::Applied change;
  change.generation = 3;
  change.applied_at = Sample::at(2000);
  change.acknowledged_at = Sample::at(3400);
  policy::CanaryTurn turn;
  turn.profile = "P3";
  turn.turned = true;
  turn.first_new = Sample::at(2400);
  change.revocation = {turn};
  sample.collected.change = change;
  probe::Observation& seen = sample.observe_in("change", cell.pod, cell.attempt, Code::ok, 1000);
  seen.finished_at = Sample::at(5000);
  seen.ticks.resize(3);
  seen.ticks.back().sent_at = Sample::at(4900);
  return sample;
}

void tick(Sample& sample, std::int64_t at, ReceiptKind kind = ReceiptKind::request) {
  sample.receive(kind, 1, sample.plan.cells.back().attempt.nonce).at = Sample::at(at);
}

TEST(LongLived, TicksAreCountedByWhenTheyArrived) {
  Sample sample = changed();
  tick(sample, 1100, ReceiptKind::tls);
  tick(sample, 1150);
  tick(sample, 1999);
  tick(sample, 2000);
  tick(sample, 2650);
  tick(sample, 2700, ReceiptKind::payload);
  tick(sample, 2701, ReceiptKind::payload);
  const Row row = sample.row();
  ASSERT_TRUE(row.long_lived);
  EXPECT_EQ(row.long_lived->before, 2) << "a ClientHello is no tick";
  EXPECT_EQ(row.long_lived->after, 3);
  EXPECT_EQ(row.long_lived->late, 1);
  EXPECT_EQ(row.long_lived->deadline, Sample::at(2700));
  EXPECT_EQ(row.long_lived->last, Sample::at(2701));
  EXPECT_EQ(row.long_lived->lived(), milliseconds(701));
  EXPECT_EQ(row.long_lived->last_sent, Sample::at(4900));
}

TEST(LongLived, FromAppliedOnWhatCameWhileTheChangeWasOnItsWayIsLateToo) {
  Sample sample = changed();
  sample.plan.cells.back().cut_from = scenario::CutFrom::applied;
  tick(sample, 1999);
  tick(sample, 2300);
  tick(sample, 2301);
  const Row row = sample.row();
  EXPECT_EQ(row.long_lived->deadline, Sample::at(2300));
  EXPECT_EQ(row.long_lived->in_force_at, Sample::at(2400)) << "told all the same";
  EXPECT_EQ(row.long_lived->before, 1);
  EXPECT_EQ(row.long_lived->after, 1);
  EXPECT_EQ(row.long_lived->late, 1) << "before it was in force";
}

TEST(LongLived, OnlyTheTargetsOwnReceiptsCount) {
  Sample sample = changed();
  sample.receive(ReceiptKind::request, 1, sample.plan.cells.back().attempt.nonce, "allow").at = Sample::at(2800);
  sample.receive(ReceiptKind::request, 2, Sample::nonce("another")).at = Sample::at(2800);
  const Row row = sample.row();
  EXPECT_EQ(row.long_lived->late, 0);
  EXPECT_EQ(row.long_lived->last.count(), 0);
  EXPECT_EQ(row.long_lived->lived(), milliseconds(0));
}

TEST(LongLived, WhereItMovedToIsCountedAfterTheDeadline) {
  Sample sample = changed();
  const std::string nonce = sample.plan.cells.back().attempt.nonce;
  const auto at_allow = [&](std::int64_t at, ReceiptKind kind) {
    sample.receive(kind, 1, nonce, "allow").at = Sample::at(at);
  };
  at_allow(2650, ReceiptKind::request);
  at_allow(2800, ReceiptKind::tls);
  at_allow(2800, ReceiptKind::request);
  EXPECT_EQ(sample.row().long_lived->late_elsewhere, 0) << "none is expected anywhere else";
  sample.plan.cells.back().rerouted_to = "allow";
  EXPECT_EQ(sample.row().long_lived->late_elsewhere, 1);
  EXPECT_EQ(sample.row().long_lived->late, 0);
}

TEST(LongLived, WithoutAChangeThereIsNone) {
  Sample sample = changed();
  sample.collected.change.reset();
  tick(sample, 2800);
  EXPECT_EQ(sample.row().long_lived->changed_at.count(), 0);
  sample.plan.cells.back().cut_within = milliseconds(0);
  EXPECT_FALSE(sample.row().long_lived) << "an ordinary attempt";
}

TEST(LongLived, InForceIsWhatTheProfilesOwnCanarySaw) {
  Sample sample = changed();
  auto& turns = sample.collected.change->revocation;
  turns.insert(turns.begin(), turns.front());
  turns.front().profile = "P2";
  turns.front().first_new = Sample::at(2900);
  EXPECT_EQ(sample.row().long_lived->in_force_at, Sample::at(2400));
  turns.back().turned = false;
  EXPECT_EQ(sample.row().long_lived->in_force_at, Sample::at(2900)) << "the last of the others";
  turns.clear();
  EXPECT_EQ(sample.row().long_lived->in_force_at, Sample::at(3400)) << "acknowledged";
}

TEST(LongLived, ItsControlWasOpenAtTheSameTime) {
  Sample sample = changed();
  sample.allow_controls();
  EXPECT_FALSE(sample.row().control.allowed_after) << "one that was sent after the probes is no control";
  const probe::Attempt& after = sample.plan.controls.back().after;
  probe::Observation& seen = sample.observe_in("change", "P0@1000:1000", after, Code::ok, 1000);
  seen.http_status = 200;
  seen.answer = sample.answer(sample.receive_request(77, after.nonce));
  EXPECT_TRUE(sample.row().control.allowed_before);
  EXPECT_TRUE(sample.row().control.allowed_after);
}

}  // namespace
}  // namespace egressproof::evidence
