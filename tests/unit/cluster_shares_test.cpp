#include "runner/backend/cluster/shares.h"

#include <gtest/gtest.h>

namespace egressproof::backend::cluster {
namespace {

std::vector<probe::Attempt> attempts(std::uint64_t count) {
  std::vector<probe::Attempt> made(count);
  for (std::uint64_t k = 0; k < count; ++k) made[k].sequence = k + 1;
  return made;
}

probe::BatchResult observed(std::initializer_list<std::uint64_t> sequences, bool closed = true) {
  probe::BatchResult result;
  for (const std::uint64_t one : sequences) result.observations[one].sequence = one;
  result.closed = closed;
  return result;
}

TEST(SharesTest, EveryAttemptGoesToOnePodAndTheFirstPodChanges) {
  for (const std::size_t pods : {1U, 2U, 3U, 7U}) {
    std::map<std::uint64_t, int> seen;
    for (const auto& share : shares_of(attempts(5), pods, 0))
      for (const probe::Attempt& one : share) ++seen[one.sequence];
    EXPECT_EQ(seen, (std::map<std::uint64_t, int>{{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}})) << pods;
  }
  EXPECT_EQ(shares_of(attempts(1), 2, 0)[0].size(), 1U);
  EXPECT_EQ(shares_of(attempts(1), 2, 1)[1].size(), 1U);
}

TEST(SharesTest, WhatAPodDidNotTellIsMissing) {
  const auto missing = unobserved(attempts(3), observed({1, 3}, false));
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing.front().sequence, 2U);
}

TEST(SharesTest, JoinedIsWholeOnlyIfAllShares) {
  const auto whole = joined({observed({1, 3}), observed({2})});
  EXPECT_EQ(whole.observations.size(), 3U);
  EXPECT_TRUE(whole.closed);
  EXPECT_TRUE(whole.errors.empty());
  EXPECT_FALSE(joined({observed({1}), observed({2}, false)}).closed);
  EXPECT_EQ(joined({observed({1}), observed({1})}).errors.size(), 1U);
  EXPECT_FALSE(joined({}).closed);
}

}  // namespace
}  // namespace egressproof::backend::cluster
