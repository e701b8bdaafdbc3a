// Workloads of one namespace, and targets in pods.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plan_sample.h"

namespace egressproof::plan {
namespace {

using scenario::Expect;
using ::testing::ElementsAre;

std::vector<std::string> names_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const scenario::Profile& one : plan.profiles) names.push_back(one.name);
  return names;
}

TEST(PlanWorkloads, WhoSharesTheNamespaceIsTakenAlongAndTheFirstOnesGatewayIsTheWay) {
  scenario::Suite suite =
      suite_of({sample_case("one", dial(probe::Protocol::http1, "allow:80"), Expect::allow, {"P0", "P3v"})});
  suite.profiles[1].ns = suite.profiles[2].ns = "both";  // P3, P3v
  suite.profiles[1].gateway = suite.profiles[2].gateway = "egress";
  const auto plan = make_all(suite);
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_THAT(names_of(*plan), ElementsAre("P0", "P3", "P3v"));
  EXPECT_EQ(plan->cells[1].via, "P3.gateway");
}

TEST(PlanInbound, ATargetInAPodIsReachedThroughItsSidecarAndItsControlComesFromWhoTheCaseSays) {
  scenario::Case one = sample_case("one", dial(probe::Protocol::http1, "revision:8012"), Expect::deny, {"P0"});
  scenario::Case two = one;
  two.id = "two";
  one.control_from = "P3";
  scenario::Suite suite = suite_of({one, two});
  suite.fixtures.push_back(fixture("revision", {"203.0.113.240"}, {}));
  suite.fixtures.back().pod = "P5n";
  const auto plan = make_all(suite);
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_THAT(names_of(*plan), ElementsAre("P0", "P3", "P5n")) << "the caller of the control, and whose pod it is";
  EXPECT_EQ(plan->cells[0].inbound, "P5n");
  EXPECT_EQ(plan->cells[0].via, "P5n.inbound");
  ASSERT_EQ(plan->controls.size(), 2U) << "the same request from another is another control";
  EXPECT_EQ(plan->controls[0].from, "P3");
  EXPECT_EQ(plan->controls[1].from, "");
}

}  // namespace
}  // namespace egressproof::plan
