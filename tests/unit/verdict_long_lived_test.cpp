// Verdicts on attempts that a change of the policies found open.
#include <gmock/gmock.h>

#include <functional>

#include "runner/verdict/long_lived.h"
#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

using probe::Code;
using scenario::Expect;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

std::chrono::microseconds at(int ms) { return milliseconds(1700000000000 + ms); }

// Changed at 1000 ms; after 700 ms nothing more may arrive. Ten ticks came before, the last
// of all at 1450 ms. The client saw the connection closed.
Sample cut(Expect expect = Expect::deny) {
  Sample sample(expect);
  sample.row.cell.cut_within = milliseconds(700);
  evidence::LongLived& seen = sample.row.long_lived.emplace();
  seen.changed_at = at(1000);
  seen.in_force_at = at(1400);
  seen.deadline = at(1700);
  seen.before = 10;
  seen.after = 4;
  seen.last = seen.last_sent = at(1450);
  sample.receive("sink");
  sample.code(Code::response_closed, probe::Stage::response);
  sample.row.probe.observed->finished_at = at(1460);
  sample.logged({by_cluster()});
  return sample;
}

TEST(LongLived, WhatTheProxyEndsInTimeIsDeniedByIt) {
  const Finding finding = cut().judged();
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_EQ(finding.layer, Layer::sidecar);
  EXPECT_THAT(finding.because, HasSubstr("450 ms after the change was made"));
}

TEST(LongLived, ARequestThatIsRefusedIsDeniedByWhatTheMeshLogged) {
  Sample sample = cut();
  sample.status(502).logged({by_cluster(), block_all()});
  sample.row.long_lived->last_sent = at(4000);
  const Finding finding = sample.judged();
  EXPECT_FINDING(finding, Verdict::deny, Status::pass);
  EXPECT_THAT(finding.because, HasSubstr("block_all"));
}

TEST(LongLived, WhatArrivesTooLateIsALeakWhateverElseIsMissing) {
  Sample sample = cut();
  sample.row.long_lived->late = 1;
  EXPECT_FINDING(sample.judged(), Verdict::leak, Status::fail);
  sample.complete = false;
  sample.control(false, false).logged({});
  sample.row.probe.observed.reset();
  EXPECT_FINDING(sample.judged(), Verdict::leak, Status::fail);

  Sample known = cut(Expect::leak);
  known.row.long_lived->late = 3;
  EXPECT_FINDING(known.judged(), Verdict::leak, Status::known_leak);
  EXPECT_THAT(known.judged().because, HasSubstr("not cut within 700 ms"));
}

TEST(LongLived, FromAppliedOnTheSentenceTellsWhenItWasInForce) {
  Sample sample = cut(Expect::leak);
  sample.row.cell.cut_from = scenario::CutFrom::applied;
  sample.row.cell.cut_within = milliseconds(1);
  sample.row.long_lived->deadline = at(1001);
  EXPECT_FINDING(sample.judged(), Verdict::deny, Status::news);
  sample.row.long_lived->after = 0;
  sample.row.long_lived->late = 4;
  EXPECT_FINDING(sample.judged(), Verdict::leak, Status::known_leak);
  EXPECT_EQ(sample.judged().because,
            "not cut within 1 ms after the change was made: ticks arrived until 450 ms after the change was made, 4 of "
            "them too late; it was in force 400 ms after it was made");
}

TEST(LongLived, AKnownLeakThatIsCutIsNews) { EXPECT_FINDING(cut(Expect::leak).judged(), Verdict::deny, Status::news); }

TEST(LongLived, NothingIsDeniedThatMayNotHaveBeenCut) {
  const auto inconclusive = [](const std::function<void(Sample&)>& change, const std::string& because) {
    Sample sample = cut();
    change(sample);
    EXPECT_FINDING(sample.judged(), Verdict::inconclusive, Status::inconclusive);
    EXPECT_THAT(sample.judged().because, HasSubstr(because));
  };
  inconclusive([](Sample& one) { one.row.long_lived->before = 0; }, "nothing had arrived before the change");
  inconclusive([](Sample& one) { one.row.long_lived->changed_at = {}; }, "not changed");
  inconclusive([](Sample& one) { one.control(true, false); }, "positive control");
  inconclusive([](Sample& one) { one.complete = false; }, "receipts");
  inconclusive([](Sample& one) { one.row.probe.observed->finished_at = at(900); }, "ended before the change");
  inconclusive([](Sample& one) { one.status(502).logged({block_all()}); }, "stopped trying");
  inconclusive([](Sample& one) { one.logged({}); }, "no witness");
  inconclusive([](Sample& one) { one.logged({by_cluster("UF", 503, "upstream_reset")}); }, "an outage");
  inconclusive([](Sample& one) { one.row.began_in_force = false; }, "before the policy was in force");
}

TEST(LongLived, WhatStaysAllowedMustBeSeenToGoOn) {
  const auto going_on = [](int late) {
    Sample sample(Expect::allow);
    const evidence::Row changed = cut().row;
    sample.row.cell.cut_within = changed.cell.cut_within;
    sample.row.long_lived = changed.long_lived;
    sample.row.long_lived->late = late;
    sample.row.long_lived->last = at(late > 0 ? 4000 : 1450);
    return sample.answered_by("sink").logged({by_cluster()});
  };
  EXPECT_FINDING(going_on(5).judged(), Verdict::allow, Status::pass);
  EXPECT_THAT(going_on(5).judged().because, HasSubstr("not cut within 700 ms"));
  EXPECT_FINDING(going_on(0).judged(), Verdict::inconclusive, Status::inconclusive);

  EXPECT_FINDING(cut(Expect::allow).judged(), Verdict::false_deny, Status::fail);
}

TEST(LongLived, WhatMovesToAnotherFixtureIsRerouted) {
  const auto moved = [](int late, int late_elsewhere) {
    Sample sample = cut(Expect::reroute);
    sample.row.long_lived->late = late;
    sample.row.long_lived->late_elsewhere = late_elsewhere;
    sample.row.long_lived->last_sent = at(4000);
    return sample.answered_by("allow").logged({by_cluster()});
  };
  EXPECT_FINDING(moved(0, 7).judged(), Verdict::rerouted, Status::pass);
  EXPECT_THAT(moved(0, 7).judged().because, HasSubstr("from then on at allow"));
  EXPECT_FINDING(moved(1, 7).judged(), Verdict::leak, Status::fail);                  // still at the old one
  EXPECT_FINDING(moved(0, 0).judged(), Verdict::inconclusive, Status::inconclusive);  // nowhere
  Sample failed = moved(0, 7);
  failed.status(503);
  EXPECT_FINDING(failed.judged(), Verdict::inconclusive, Status::inconclusive);  // not to the end
}

TEST(LongLived, AHarnessThatFailedDeniesNothing) {
  Sample sample = cut();
  sample.row.errors = {"the probe's stream is not whole"};
  EXPECT_FINDING(sample.judged(), Verdict::error, Status::error);
  sample = cut();
  sample.code(Code::local_error);
  EXPECT_FINDING(sample.judged(), Verdict::error, Status::error);
}

}  // namespace
}  // namespace egressproof::verdict
