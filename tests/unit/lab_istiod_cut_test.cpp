// A pod for which istiod is gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/backend/lab/istiod_cut.h"

namespace egressproof::backend::lab {
namespace {

using ::testing::HasSubstr;

TEST(IstiodCut, RefusesWhatGoesToIstiodAndLetsItLearnOfTheEnd) {
  const std::string ruleset = istiod_cut_ruleset();
  EXPECT_THAT(ruleset, HasSubstr("ip daddr 203.0.113.2 "));
  EXPECT_THAT(ruleset, HasSubstr("tcp flags & rst == 0 counter name istiod_refused reject with tcp reset"));
}

TEST(IstiodCut, CountsWhatItRefused) {
  const auto count = parse_istiod_cut(
      R"({"nftables": [{"metainfo": {"version": "1.0.6"}},
                       {"counter": {"family": "inet", "name": "istiod_refused", "table": "egressproof", "handle": 2,
                                    "packets": 3, "bytes": 180}}]})");
  ASSERT_TRUE(count) << to_string(count.error());
  EXPECT_EQ(*count, 3U);
}

TEST(IstiodCut, AnotherListingIsAnError) {
  for (const char* text :
       {"", "{}", R"({"nftables": []})", R"({"nftables": [{"counter": {"name": "other", "packets": 3}}]})",
        R"({"nftables": [{"counter": {"name": "istiod_refused", "packets": "3"}}]})"}) {
    const auto count = parse_istiod_cut(text);
    ASSERT_FALSE(count) << text;
    EXPECT_EQ(count.error().kind, ErrorKind::environment);
  }
}

}  // namespace
}  // namespace egressproof::backend::lab
