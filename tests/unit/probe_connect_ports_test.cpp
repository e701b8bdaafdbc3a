#include <gtest/gtest.h>

#include <set>

#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

// The local ports of some attempts, as the target saw them.
std::set<int> ports_used(const loopback::Target& target, int index, int count) {
  share_local_ports(index, count);
  std::set<int> used;
  for (int k = 0; k < 20; ++k) {
    const Observation seen =
        loopback::run_one(loopback::attempt_to(loopback::address(1), loopback::port), target.options());
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    used.insert(std::stoi(seen.local.substr(seen.local.rfind(':') + 1)));
  }
  share_local_ports(1, 1);
  return used;
}

TEST(LocalPorts, ProbesOfOnePodShareNone) {
  const loopback::Target target;
  const auto first = ports_used(target, 1, 2);
  const auto second = ports_used(target, 2, 2);
  EXPECT_EQ(first.size(), 20U) << "each connection has its own";
  EXPECT_LT(*first.rbegin(), 25950);
  EXPECT_GE(*second.begin(), 25950);
  EXPECT_LT(*second.rbegin(), 31900);
}

}  // namespace
}  // namespace egressproof::probe
