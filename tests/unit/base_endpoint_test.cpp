#include "base/endpoint.h"

#include <gtest/gtest.h>

namespace egressproof {
namespace {

TEST(EndpointTest, OnlyMappedAddressesChange) {
  EXPECT_EQ(without_v4_mapping("[::ffff:203.0.113.10]:80"), "203.0.113.10:80");
  for (const char* same : {"203.0.113.10:80", "[2001:db8::1]:80", "[::ffff:cb00:710a]:80", "[::ffff:1.2.3.4", ""})
    EXPECT_EQ(without_v4_mapping(same), same);
}

}  // namespace
}  // namespace egressproof
