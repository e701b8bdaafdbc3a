// Verdicts on what leaves by a fixture that relays.
#include <gmock/gmock.h>

#include "tests/unit/verdict_sample.h"

namespace egressproof::verdict {
namespace {

using scenario::Expect;
using scenario::Stance;
using ::testing::HasSubstr;

constexpr const char* relay_address = "198.51.100.77";

Sample relayed(Expect expect) {
  Sample sample(expect, expect == Expect::leak ? Stance::known_leak : Stance::enforced);
  sample.row.cell.target = {"deny", ""};
  sample.row.cell.via = plan::relay_end("relay");
  sample.row.via_addresses = {relay_address};
  return sample.logged({});
}

Sample arrived(Expect expect, const std::string& from) {
  Sample sample = relayed(expect);
  sample.answered_by("deny");
  for (target::Receipt& one : sample.row.probe.received) one.peer = from + ":4242";
  return sample;
}

TEST(VerdictRelay, ALeakIsTheDocumentedOneIfTheRelayBroughtIt) {
  const Finding by_relay = arrived(Expect::leak, relay_address).judged();
  EXPECT_FINDING(by_relay, Verdict::leak, Status::known_leak);
  EXPECT_THAT(by_relay.because, HasSubstr("; by way of relay relay"));
  const Finding past_it = arrived(Expect::leak, own_address).judged();
  EXPECT_FINDING(past_it, Verdict::leak, Status::fail);
  EXPECT_THAT(past_it.because, HasSubstr("; not by way of relay relay (198.51.100.77)"));
  EXPECT_FINDING(arrived(Expect::deny, relay_address).judged(), Verdict::leak, Status::fail);
}

TEST(VerdictRelay, AnAllowedRequestComesFromTheRelay) {
  const Finding by_relay = arrived(Expect::allow, relay_address).judged();
  EXPECT_FINDING(by_relay, Verdict::allow, Status::pass);
  EXPECT_THAT(by_relay.because, HasSubstr("; by way of relay relay"));
  EXPECT_FINDING(arrived(Expect::allow, own_address).judged(), Verdict::wrong_path, Status::fail);
}

TEST(VerdictRelay, OneThatDoesNotForwardShowsNothing) {
  Sample answers = relayed(Expect::leak);
  answers.answered_by("relay");
  EXPECT_FINDING(answers.judged(), Verdict::rerouted, Status::news);
  for (const Expect expect : {Expect::leak, Expect::deny}) {
    Sample closes = relayed(expect);
    closes.code(probe::Code::response_closed, probe::Stage::response).logged({by_cluster()}).control(false, false);
    EXPECT_FINDING(closes.judged(), Verdict::inconclusive, Status::inconclusive);
  }
}

}  // namespace
}  // namespace egressproof::verdict
