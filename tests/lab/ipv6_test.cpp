// A world with IPv6: what is captured and what is not.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/crypto.h"
#include "tests/lab/support.h"

namespace egressproof::backend::lab {
namespace {

constexpr const char* allow_address6 = "2001:db8:10::10";
constexpr const char* sink_address6 = "2001:db8:10::66";

class LabIpv6Test : public LabWorldTest {
 protected:
  void SetUp() override {
    Blueprint made = blueprint();
    for (auto& fixture : made.suite.fixtures) {
      if (fixture.name == "allow") fixture.addresses.emplace_back(allow_address6);
      if (fixture.name == "sink") fixture.addresses.emplace_back(sink_address6);
    }
    open(made);
  }
};

// IPv4 is the pods' first family, so Istio's rules are for IPv4 alone: IPv6 leaves the pod past the proxy.
TEST_F(LabIpv6Test, Ipv6LeavesThePodUncapturedAndIpv4DoesNot) {
  ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
  probe::Attempt by_name = http(1, "", "allow.test");
  by_name.name = "allow.test";
  by_name.family = probe::Family::ipv6;
  probe::Attempt any_port = http(2, sink_address6, "sink.test");
  any_port.port = 4321;
  any_port.family = probe::Family::ipv6;
  const std::vector<probe::Attempt> batch{by_name, any_port, http(3, sink_address, "sink.test")};
  std::map<std::string, std::vector<probe::Attempt>> batches;
  for (const char* pod : {"P0", "P2"}) {
    batches[pod] = batch;
    for (auto& attempt : batches[pod]) attempt.nonce = random_hex(16);
  }
  const auto results = world_->attempt(batches);
  ASSERT_TRUE(results) << to_string(results.error());
  const auto records = world_->mesh_records();
  ASSERT_TRUE(records);
  const auto journal = world_->receipts();
  ASSERT_TRUE(journal);
  for (const auto& [pod, attempts] : batches) {
    EXPECT_EQ(results->at(pod).errors, std::vector<std::string>{});
    EXPECT_EQ(reached(*journal, attempts[0].nonce), Fixtures{"allow"}) << pod;
    EXPECT_EQ(reached(*journal, attempts[1].nonce), Fixtures{"sink"}) << pod;
    const auto addresses = world_->pod_addresses().at(pod);
    ASSERT_EQ(addresses.size(), 2U);
    for (const target::Receipt& receipt : journal->receipts) {
      if (receipt.nonce != attempts[1].nonce) continue;
      EXPECT_EQ(receipt.peer.rfind("[" + addresses[1] + "]:", 0), 0U) << receipt.peer;
      EXPECT_EQ(receipt.local, "[" + std::string(sink_address6) + "]:4321");
    }
  }
  EXPECT_EQ(reached(*journal, batches["P0"][2].nonce), Fixtures{"sink"});
  EXPECT_EQ(reached(*journal, batches["P2"][2].nonce), Fixtures{}) << "IPv4 must still be captured";
  // One record: of the captured attempt.
  EXPECT_EQ(records->size(), 1U);
  EXPECT_EQ(world_->health(), std::vector<std::string>{});
}

}  // namespace
}  // namespace egressproof::backend::lab
