// Whatever the evidence: a leak is never a pass, and nothing is denied without its controls.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

using scenario::Expect;
using scenario::Stance;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  bool coin() { return below(2) == 0; }
  bool rarely() { return below(8) == 0; }
  int below(int count) { return static_cast<int>(engine_() % static_cast<unsigned>(count)); }
  template <class Value>
  Value one_of(const std::vector<Value>& values) {
    return values[static_cast<std::size_t>(below(static_cast<int>(values.size())))];
  }

 private:
  std::mt19937 engine_;
};

Sample random_sample(Dice& dice) {
  const auto expect = dice.one_of<Expect>({Expect::allow, Expect::deny, Expect::reroute, Expect::leak, Expect::outage});
  const auto stance = dice.one_of<Stance>({Stance::enforced, Stance::enforced, Stance::implementation_defined});
  Sample sample(expect, expect == Expect::leak ? Stance::known_leak : stance);
  if (dice.rarely()) sample.row.cell.target.host = "fronted.test";
  auto& attempt = sample.row.probe.attempt;
  attempt.protocol = dice.one_of<probe::Protocol>(
      {probe::Protocol::http1, probe::Protocol::http2, probe::Protocol::tls, probe::Protocol::tcp});
  if (dice.rarely()) attempt.follow_redirects = 1;
  const int code = dice.below(static_cast<int>(probe::Code::local_error) + 1);
  sample.code(dice.coin() ? probe::Code::ok : static_cast<probe::Code>(code), static_cast<probe::Stage>(dice.below(5)));
  if (dice.coin()) sample.row.probe.observed->http_status = dice.one_of<int>({200, 403, 502, 503});
  while (dice.coin()) {
    target::Receipt& receipt = sample.receive(dice.one_of<std::string>({"sink", "allow", "other"}),
                                              static_cast<target::ReceiptKind>(dice.below(6)));
    receipt.host = dice.one_of<std::string>({"fronted.test", "front.test"});
    if (dice.rarely()) receipt.peer = "203.0.113.77:1";
  }
  if (!sample.row.probe.received.empty() && dice.coin()) {
    const target::Receipt& last = sample.row.probe.received.back();
    sample.row.probe.observed->answer = probe::Answer{last.fixture, last.nonce, last.number, "mac"};
    sample.row.probe.genuine_answer = true;
  }
  std::vector<policy::MeshRecord> records;
  while (dice.coin())
    records.push_back(dice.one_of<policy::MeshRecord>(
        {block_all(), black_hole(), by_cluster(), by_cluster("UF", 503, "x"), policy::MeshRecord{}}));
  sample.logged(records);
  sample.control(!dice.rarely(), !dice.rarely());
  if (dice.rarely()) sample.target_down();
  if (dice.rarely()) sample.row.began_in_force = false;
  if (dice.rarely()) sample.row.errors = {"harness"};
  if (dice.rarely()) sample.row.meshed = false;
  if (dice.coin()) sample.row.proxy_seen_around = true;
  if (dice.rarely()) sample.row.unattributed.emplace_back();
  if (dice.rarely()) sample.row.probe.observed.reset();
  if (dice.rarely()) sample.complete = false;
  return sample;
}

TEST(Property, HoldsForAnyEvidence) {
  Dice dice(20260827);
  std::map<std::string, int> seen;
  for (int round = 0; round < 200000; ++round) {
    const Sample sample = random_sample(dice);
    const evidence::Row& row = sample.row;
    const Finding finding = sample.judged();
    const Expect expect = row.cell.expectation.expect;
    const bool at_target = evidence::touch(row.probe, row.cell.target) != nullptr;
    const bool controls = row.control.allowed_before && row.control.allowed_after;
    const bool forbids = expect != Expect::allow && expect != Expect::outage;
    const std::string what = to_string(finding.verdict) + " " + to_string(finding.status) + ": " + finding.because;
    ++seen[to_string(finding.verdict)];
    if (at_target && expect != Expect::allow) {
      ASSERT_NE(finding.status, Status::pass) << what;
    }
    if (at_target && forbids) {
      ASSERT_EQ(finding.verdict, Verdict::leak) << what;
    }
    if (!at_target) {
      ASSERT_NE(finding.verdict, Verdict::leak) << what;
    }
    if (!controls && forbids) {
      ASSERT_NE(finding.status, Status::pass) << what;
    }
    if (finding.verdict == Verdict::deny) {
      ASSERT_TRUE(controls && sample.complete && row.began_in_force && row.errors.empty() && row.probe.observed)
          << what;
      ASSERT_NE(finding.layer, Layer::none) << what;
      ASSERT_FALSE(evidence::client_ok(row.probe)) << what;
    }
    if (finding.status == Status::pass) {
      ASSERT_TRUE(row.began_in_force && row.errors.empty() && row.probe.observed) << what;
      if (expect == Expect::allow) {
        ASSERT_TRUE(evidence::client_ok(row.probe) && at_target) << what;
      }
    }
    if (expect == Expect::leak) {
      ASSERT_NE(finding.status, Status::pass) << what;
    }
    ASSERT_FALSE(finding.because.empty());
  }
  EXPECT_EQ(seen.size(), 8U) << "the dice must show every verdict";
}

}  // namespace
}  // namespace egressproof::verdict
