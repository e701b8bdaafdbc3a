// How many attempts each probe has in flight.
#include <gtest/gtest.h>

#include "runner/backend/lab/lanes.h"

namespace egressproof::backend::lab {
namespace {

using std::chrono::milliseconds;

std::vector<probe::Attempt> attempts(std::size_t count, std::size_t long_lived = 0) {
  std::vector<probe::Attempt> made(count);
  for (std::size_t i = 0; i < long_lived; ++i) made[i].ticks.emplace();
  return made;
}

TEST(Lanes, AreSharedOutBySize) {
  const auto lanes = lanes_of({{"P0", attempts(300)}, {"P1", attempts(90)}, {"P2", attempts(10)}}, 40);
  EXPECT_EQ(lanes, (std::map<std::string, int>{{"P0", 30}, {"P1", 9}, {"P2", least_lanes}}));
}

TEST(Lanes, WithinTheBoundsOfOneProbe) {
  EXPECT_EQ(lanes_of({{"P0", attempts(500)}}, 1000).at("P0"), most_lanes);
  const auto lanes = lanes_of({{"P0", attempts(1000)}, {"P1", attempts(1)}, {"P2", {}}}, 2);
  EXPECT_EQ(lanes.at("P0"), least_lanes);
  EXPECT_EQ(lanes.at("P1"), least_lanes);
  EXPECT_EQ(lanes.at("P2"), least_lanes);
  EXPECT_TRUE(lanes_of({}, 10).empty());
}

TEST(Lanes, LongLivedAttemptsAreOpenAllAtOnce) {
  EXPECT_EQ(lanes_of({{"P0", attempts(60, 50)}, {"P1", attempts(900)}}, 10).at("P0"), 50);
}

TEST(Lanes, TheLimitIsThatOfTheSlowestProbe) {
  const Batches batches{{"P0", attempts(20)}, {"P1", attempts(3)}};
  EXPECT_EQ(limit_of(batches, {{"P0", 4}, {"P1", 1}}), milliseconds(110000));
  Batches lasting{{"P0", attempts(1, 1)}};
  lasting["P0"][0].ticks->lasting = milliseconds(70000);
  EXPECT_EQ(limit_of(lasting, {{"P0", 1}}), milliseconds(108000));
}

}  // namespace
}  // namespace egressproof::backend::lab
