// What decides by who a process is: the capture rules. Also the lab's self-test that such rules work in its namespaces.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/lab/support.h"

namespace egressproof::backend::lab {
namespace {

class LabIdentityTest : public LabWorldTest {
 protected:
  void SetUp() override {
    Blueprint made = blueprint();
    made.extra_probes = {{"P2", "P2@1337", 1337, 1337}, {"P2", "P2@gid", 1000, 1337}, {"P2", "P2@2000", 2000, 2000}};
    open(made);
  }
};

TEST_F(LabIdentityTest, ProxysUserOrGroupPassesTheRulesAndAnyOtherDoesNot) {
  ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
  std::map<std::string, std::vector<probe::Attempt>> batches;
  for (const char* name : {"P2", "P2@1337", "P2@gid", "P2@2000"})
    batches[name] = {http(1, sink_address, "sink.test"), tls(2, sink_address, "sink.test")};
  const auto results = world_->attempt(batches);
  ASSERT_TRUE(results) << to_string(results.error());
  const auto records = world_->mesh_records();
  ASSERT_TRUE(records);
  const auto journal = world_->receipts();
  ASSERT_TRUE(journal);
  const std::string address = world_->pod_addresses().at("P2").front();
  EXPECT_EQ(world_->pod_addresses().at("P2@1337").front(), address);

  const auto logged = [&](const probe::Observation& seen, const std::string& nonce) {
    return std::any_of(records->begin(), records->end(), [&](const policy::MeshRecord& record) {
      return record.nonce == nonce || record.downstream == seen.local;
    });
  };
  for (const auto& [name, batch] : batches) {
    const bool bypass = name == "P2@1337" || name == "P2@gid";
    for (const probe::Attempt& attempt : batch) {
      const auto& result = results->at(name);
      ASSERT_EQ(result.observations.count(attempt.sequence), 1U) << name;
      const probe::Observation& seen = result.observations.at(attempt.sequence);
      EXPECT_EQ(reached(*journal, attempt.nonce), bypass ? Fixtures{"sink"} : Fixtures{}) << name << attempt.sequence;
      EXPECT_EQ(logged(seen, attempt.nonce), !bypass) << name << attempt.sequence;
      for (const target::Receipt& receipt : journal->receipts)
        if (receipt.nonce == attempt.nonce) {
          // Directly: the probe's own end, which is at the pod's address.
          EXPECT_EQ(receipt.peer, seen.local);
          EXPECT_EQ(receipt.peer.substr(0, receipt.peer.rfind(':')), address);
        }
    }
  }
  EXPECT_EQ(world_->health(), std::vector<std::string>{});
}

// The other half of the self-test: what dials the proxy's own port has no original destination and must end there.
TEST_F(LabIdentityTest, DiallingTheProxyItselfEndsInTheProxy) {
  ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
  probe::Attempt direct = http(1, world_->pod_addresses().at("P2").front(), "sink.test");
  direct.port = 15001;
  const auto results = world_->attempt({{"P2", {direct}}});
  ASSERT_TRUE(results);
  EXPECT_NE(results->at("P2").observations.at(1).code, probe::Code::ok);
  EXPECT_EQ(reached(*world_->receipts(), direct.nonce), Fixtures{});
}

TEST(LabExtraProbes, OfNoPodOrWithATakenNameIsAnError) {
  for (const auto& [extra, told] :
       {std::pair{ExtraProbe{"P9", "x", 1, 1}, "extra probe 'x' is of pod 'P9', which is not there"},
        std::pair{ExtraProbe{"P2", "P3", 1, 1}, "'P3' cannot be the name of another probe"}}) {
    Blueprint made = blueprint();
    made.extra_probes = {extra};
    const auto opened = make(settings())->open(made, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message, told);
    EXPECT_EQ(opened.error().kind, ErrorKind::scenario);
  }
}

}  // namespace
}  // namespace egressproof::backend::lab
