// Pods of cases through Istio's own injector, and what is done in them first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "runner/policy/capture_refusal.h"
#include "tests/lab/support.h"

namespace egressproof::backend::lab {
namespace {

using scenario::PodAct;
using testing::HasSubstr;

class LabCasePodsTest : public LabWorldTest {
 protected:
  void SetUp() override {}

  void add(const std::string& name, const scenario::PodTemplate& pod, std::vector<std::string> capabilities = {}) {
    ExtraProbe probe{"P2", name};
    if (!capabilities.empty()) probe.uid = probe.gid = 0;
    probe.own_pod = pod;
    probe.capabilities = std::move(capabilities);
    made_.extra_probes.push_back(std::move(probe));
  }

  // Each tries the sink from its own pod, P2 beside them.
  void run() {
    ASSERT_NO_FATAL_FAILURE(open(made_));
    ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
    std::map<std::string, std::vector<probe::Attempt>> batches{{"P2", {http(1, sink_address, "sink.test")}}};
    for (const ExtraProbe& probe : made_.extra_probes) batches[probe.name] = {http(1, sink_address, "sink.test")};
    auto results = world_->attempt(batches);
    ASSERT_TRUE(results) << to_string(results.error());
    results_ = std::move(*results);
    journal_ = *world_->receipts();
    records_ = *world_->mesh_records();
    for (const auto& [name, batch] : batches) nonces_[name] = batch.front().nonce;
  }

  bool arrived(const std::string& name) { return reached(journal_, nonces_.at(name)) == Fixtures{"sink"}; }

  // Witnesses with a record of this very connection.
  std::vector<std::string> witnesses(const std::string& name) {
    const probe::Observation& seen = results_.at(name).observations.at(1);
    std::vector<std::string> names;
    for (const policy::MeshRecord& record : records_)
      if (record.nonce == seen.nonce || (record.downstream == seen.local && record.destination == seen.peer))
        names.push_back(record.proxy);
    return names;
  }

  Blueprint made_ = blueprint();
  std::map<std::string, probe::BatchResult> results_;
  std::map<std::string, std::string> nonces_;
  target::Journal journal_;
  std::vector<policy::MeshRecord> records_;
};

TEST_F(LabCasePodsTest, AnnotationsAndLabelsDecideWhatIsCaptured) {
  scenario::PodTemplate exclude, none, off, other;
  exclude.annotations = {{"traffic.sidecar.istio.io/excludeOutboundPorts", "80"}};
  none.annotations = {{"sidecar.istio.io/interceptionMode", "NONE"}};
  off.labels = {{"sidecar.istio.io/inject", "false"}};
  other.annotations = {{"traffic.sidecar.istio.io/excludeOutboundPorts", "81"}};
  add("P2+exclude", exclude);
  add("P2+none", none);
  add("P2+off", off);
  add("P2+other", other);
  ASSERT_NO_FATAL_FAILURE(run());
  const std::string run_id = run_id_of(*world_);
  EXPECT_NE(process_of(run_id, "pilot-agent", "P2+none"), 0);
  EXPECT_EQ(process_of(run_id, "pilot-agent", "P2+off"), 0);
  for (const char* name : {"P2+exclude", "P2+none", "P2+off"}) {
    EXPECT_TRUE(arrived(name)) << name;
    EXPECT_EQ(witnesses(name), std::vector<std::string>{}) << name;
    const std::string address = world_->pod_addresses().at(name).front();
    EXPECT_THAT(results_.at(name).observations.at(1).local, HasSubstr(address + ":"));
  }
  for (const char* name : {"P2", "P2+other"}) {
    EXPECT_FALSE(arrived(name)) << name;
    EXPECT_EQ(witnesses(name), std::vector<std::string>{"P2"}) << name;
  }
  EXPECT_EQ(world_->health(), std::vector<std::string>{});
}

TEST_F(LabCasePodsTest, RulesAreFlushedByWhoeverHasTheCapability) {
  scenario::PodTemplate flushed;
  flushed.first = {PodAct::flush_rules};
  add("P2+with", flushed, {"NET_ADMIN", "NET_RAW"});
  add("P2+without", flushed, {"NET_RAW"});
  ASSERT_NO_FATAL_FAILURE(run());
  EXPECT_EQ(results_.at("P2+with").errors, std::vector<std::string>{});
  EXPECT_EQ(results_.at("P2+without").errors, std::vector<std::string>{});
  EXPECT_TRUE(arrived("P2+with"));
  EXPECT_FALSE(arrived("P2+without"));
  EXPECT_FALSE(arrived("P2")) << "the workload's own pod is as it was";
}

TEST_F(LabCasePodsTest, WithoutItsProxyTheKernelRefusesAndTellsWhichConnection) {
  scenario::PodTemplate held, stopped, agent, drained, envoy;
  held.annotations = {{"sidecar.istio.io/nativeSidecar", "false"}};
  held.first = {PodAct::hold_proxy};
  stopped.first = {PodAct::stop_proxy};
  agent.first = {PodAct::quit_agent};
  drained.first = {PodAct::drain_listeners};
  envoy.first = {PodAct::quit_envoy};
  add("P2+held", held);
  add("P2+stopped", stopped);
  add("P2+agent", agent);
  add("P2+drained", drained);
  add("P2+envoy", envoy);
  ASSERT_NO_FATAL_FAILURE(run());
  for (const ExtraProbe& probe : made_.extra_probes) {
    EXPECT_EQ(results_.at(probe.name).errors, std::vector<std::string>{}) << probe.name;
    EXPECT_EQ(results_.at(probe.name).observations.at(1).code, probe::Code::connect_refused) << probe.name;
    EXPECT_FALSE(arrived(probe.name));
    EXPECT_EQ(witnesses(probe.name), std::vector<std::string>{policy::capture_witness("P2")})
        << probe.name << ", " << results_.at(probe.name).observations.at(1).local;
  }
  EXPECT_EQ(world_->health(), std::vector<std::string>{}) << "they ended because a case wanted it";
  const auto again = world_->apply({2, policies(), false}, {});
  EXPECT_TRUE(again) << "nobody waits for proxies that are gone: " << to_string(again.error());
}

TEST_F(LabCasePodsTest, WhoTakesThePortOfAProxyThatIsGoneGetsHisOwnConnectionsAndNoWayOut) {
  scenario::PodTemplate taken, early;
  taken.first = {PodAct::stop_proxy, PodAct::take_capture_port};
  early.first = {PodAct::take_capture_port};
  add("P2+taken", taken);
  add("P2+early", early);
  ASSERT_NO_FATAL_FAILURE(run());
  EXPECT_EQ(results_.at("P2+taken").errors, std::vector<std::string>{});
  EXPECT_EQ(results_.at("P2+taken").observations.at(1).code, probe::Code::response_timeout);
  EXPECT_FALSE(arrived("P2+taken"));
  EXPECT_EQ(witnesses("P2+taken"), std::vector<std::string>{policy::capture_witness("P2")});
  EXPECT_FALSE(results_.at("P2+early").errors.empty()) << "a proxy that runs has the port";
  EXPECT_EQ(world_->health(), std::vector<std::string>{}) << "no connection was lost";
}

TEST_F(LabCasePodsTest, AProxyThatWasKilledComesBackWithItsPolicy) {
  scenario::PodTemplate killed, restarted;
  killed.first = {PodAct::kill_proxy};
  restarted.first = {PodAct::kill_proxy, PodAct::start_proxy};
  add("P2+killed", killed);
  add("P2+restarted", restarted);
  ASSERT_NO_FATAL_FAILURE(run());
  EXPECT_EQ(results_.at("P2+killed").errors, std::vector<std::string>{});
  EXPECT_EQ(results_.at("P2+killed").observations.at(1).code, probe::Code::connect_refused);
  EXPECT_EQ(witnesses("P2+killed"), std::vector<std::string>{policy::capture_witness("P2")});
  EXPECT_EQ(results_.at("P2+restarted").errors, std::vector<std::string>{});
  EXPECT_NE(results_.at("P2+restarted").observations.at(1).code, probe::Code::connect_refused);
  EXPECT_EQ(witnesses("P2+restarted"), std::vector<std::string>{"P2"}) << "the sidecar's own record";
  for (const char* name : {"P2+killed", "P2+restarted"}) EXPECT_FALSE(arrived(name)) << name;
  EXPECT_EQ(world_->health(), std::vector<std::string>{});
  const auto again = world_->apply({2, policies(), false}, {});
  EXPECT_TRUE(again) << "the one that is back is waited for: " << to_string(again.error());
}

TEST_F(LabCasePodsTest, WithoutIstiodWhoRunsKeepsItsPolicyAndWhoStartsHasNone) {
  scenario::PodTemplate running, fresh;
  running.first = {PodAct::lose_istiod};
  fresh.annotations = {{"sidecar.istio.io/nativeSidecar", "false"}};
  fresh.first = {PodAct::hold_proxy, PodAct::lose_istiod, PodAct::start_proxy};
  add("P2+running", running);
  add("P2+fresh", fresh);
  ASSERT_NO_FATAL_FAILURE(run());
  for (const char* name : {"P2+running", "P2+fresh"}) {
    EXPECT_EQ(results_.at(name).errors, std::vector<std::string>{}) << name;
    EXPECT_FALSE(arrived(name)) << name;
  }
  EXPECT_NE(results_.at("P2+running").observations.at(1).code, probe::Code::connect_refused);
  EXPECT_EQ(witnesses("P2+running"), std::vector<std::string>{"P2"});
  EXPECT_EQ(results_.at("P2+fresh").observations.at(1).code, probe::Code::connect_refused);
  EXPECT_EQ(witnesses("P2+fresh"), std::vector<std::string>{policy::capture_witness("P2")});
  EXPECT_EQ(world_->health(), std::vector<std::string>{});
  const auto again = world_->apply({2, policies(), false}, {});
  EXPECT_TRUE(again) << "nobody waits for who cannot hear: " << to_string(again.error());
}

TEST_F(LabCasePodsTest, ANativeSidecarCannotBeLate) {
  scenario::PodTemplate held;
  held.first = {PodAct::hold_proxy};
  add("P2+held", held);
  const auto opened = make(settings())->open(made_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::scenario);
  EXPECT_THAT(opened.error().message, HasSubstr("its proxy is ready before the tenant's containers start"));
}

}  // namespace
}  // namespace egressproof::backend::lab
