// A pod that forwards for others, over the fake world: a leak where it is in reach, and no verdict where it does not
// forward.
#include <gmock/gmock.h>

#include "tests/unit/run_support.h"

namespace egressproof::run {
namespace {

using ::testing::HasSubstr;

scenario::Suite suite_with_relay() {
  scenario::Suite suite = small_suite();
  scenario::Fixture relay;
  relay.name = "relay";
  relay.addresses = {"198.51.100.77"};
  relay.ports = {80};
  relay.names = {"relay.test"};
  relay.relays_to = "deny";
  suite.fixtures.push_back(relay);
  scenario::Case one;
  one.id = "relayed";
  one.attempt.protocol = probe::Protocol::http1;
  one.attempt.to = "relay.test:80";
  one.expectations["P0"] = {scenario::Expect::allow, scenario::Stance::enforced, {}};
  one.expectations["P1"] = {scenario::Expect::leak, scenario::Stance::known_leak, {}};
  one.expectations["P2"] = {scenario::Expect::deny, scenario::Stance::enforced, {}};
  suite.scenarios[0].cases = {one};
  return suite;
}

TEST(RunRelay, WhatArrivesByItIsALeakOfWhoeverReachesIt) {
  const report::Report report = run_small({}, {}, quick(), suite_with_relay());
  EXPECT_EQ(told(report, "relayed", "P0"), "ALLOW pass");
  EXPECT_EQ(told(report, "relayed", "P1"), "LEAK known-leak");
  EXPECT_EQ(told(report, "relayed", "P2"), "DENY pass");
  for (const char* profile : {"P0", "P1"})
    EXPECT_THAT(finding(report, "relayed", profile).because, HasSubstr("by way of relay relay")) << profile;
}

TEST(RunRelay, OneThatDoesNotForwardProvesNothing) {
  for (const char* stopped : {"deny", "relay"}) {
    backend::fake::Faults faults;
    faults.stopped = {stopped};
    const report::Report report = run_small(faults, {}, quick(), suite_with_relay());
    for (const char* profile : {"P0", "P1", "P2"})
      EXPECT_EQ(told(report, "relayed", profile), "INCONCLUSIVE inconclusive") << profile << " without " << stopped;
  }
}

}  // namespace
}  // namespace egressproof::run
