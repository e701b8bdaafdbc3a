// Attempts that dial a fixture that relays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plan_sample.h"

namespace egressproof::plan {
namespace {

using scenario::Expect;

// One case that dials `relay`, which relays to `deny`.
scenario::Suite relayed(const std::string& target) {
  scenario::Case one =
      sample_case("one", to(probe::Protocol::http1, "relay.test:80"), Expect::leak, {"P0", "P3", "P3v"});
  one.target = target;
  scenario::Suite suite = suite_of({one});
  suite.fixtures.push_back(fixture("relay", {"198.51.100.77"}, {"relay.test"}));
  suite.fixtures.back().relays_to = "deny";
  suite.profiles[2].gateway = "egress";  // P3v
  return suite;
}

TEST(PlanRelay, WhatIsDialledThereArrivesWhereItRelaysToAndFromTheRelay) {
  const auto plan = make_all(relayed(""));
  ASSERT_TRUE(plan) << error_of(plan);
  ASSERT_EQ(plan->cells.size(), 3U);
  for (const Cell& cell : plan->cells) {
    EXPECT_EQ(cell.target.fixture, "deny") << cell.profile;
    EXPECT_EQ(cell.via, "relay.relay") << cell.profile << ": a gateway would come before it";
    EXPECT_EQ(cell.attempt.name, "relay.test");
  }
  EXPECT_EQ(relay_of(plan->cells[0].via), "relay");
  ASSERT_EQ(plan->controls.size(), 1U);
  EXPECT_EQ(plan->controls[0].expected.fixture, "deny");
  EXPECT_EQ(plan->controls[0].before.name, "relay.test") << "that it forwards is shown by the control";
}

TEST(PlanRelay, AnotherTargetIsReachedAsEver) {
  const auto plan = make_all(relayed("allow"));
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_EQ(plan->cells[1].via, "P3");
  EXPECT_EQ(plan->cells[2].via, "P3v.gateway");
  EXPECT_EQ(relay_of(plan->cells[2].via), "");
}

TEST(PlanRelay, WhoLeavesNoReceiptIsNoTarget) {
  EXPECT_THAT(error_of(make_all(relayed("relay"))),
              ::testing::HasSubstr("'target' names 'relay', which leaves no receipts: it relays to 'deny'"));
}

}  // namespace
}  // namespace egressproof::plan
