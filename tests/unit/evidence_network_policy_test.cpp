// Records of the network plugin, and a gateway that was dialled past the sidecar: whose attempts they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/policy/capture_refusal.h"
#include "runner/policy/capture_taken.h"
#include "runner/policy/network_drop.h"
#include "tests/unit/evidence_sample.h"

namespace egressproof::evidence {
namespace {

using probe::Code;
using target::ReceiptKind;
using testing::IsEmpty;

constexpr const char* past_proxy = "P3@1337:1000";

// An attempt past the sidecar whose connection was not made in time.
Sample timed_out() {
  Sample sample;
  sample.add_cell("a");
  sample.plan.cells.back().pod = past_proxy;
  sample.plan.cells.back().via = "P3.gateway";
  sample.collected.pod_addresses["P3.gateway"] = {"203.0.113.14"};
  sample.observe_in("probe", past_proxy, sample.plan.cells.back().attempt, Code::connect_timeout, 1000);
  sample.collected.batches["probe"][past_proxy].closed = true;
  sample.allow_controls();
  return sample;
}

policy::MeshRecord& drop(Sample& sample, const std::string& port = "40001") {
  policy::MeshRecord& record = sample.log();
  record.proxy = policy::network_witness("P3");
  record.details = policy::network_policy_drop;
  record.downstream = std::string(pod_address) + ":" + port;
  record.destination = "198.51.100.66:80";
  return record;
}

TEST(JoinNetworkPolicy, ADroppedConnectionIsTheAttemptsByBothItsEnds) {
  Sample sample = timed_out();
  drop(sample);
  const Row row = sample.row();
  ASSERT_EQ(row.probe.logged.size(), 1U);
  EXPECT_EQ(row.probe.logged[0].details, policy::network_policy_drop);
  EXPECT_FALSE(row.proxy_seen_around) << "it is no sign of life of the sidecar";
}

TEST(JoinNetworkPolicy, AnothersDropIsNot) {
  for (const char* what : {"port", "destination", "time", "pod"}) {
    Sample sample = timed_out();
    policy::MeshRecord& record = drop(sample, what == std::string("port") ? "40002" : "40001");
    if (what == std::string("destination")) record.destination = "198.51.100.66:443";
    if (what == std::string("time")) record.at = Sample::at(19000);
    if (what == std::string("pod")) record.proxy = policy::network_witness("P4");
    EXPECT_THAT(sample.row().probe.logged, IsEmpty()) << what;
  }
}

TEST(JoinCapture, ARefusedConnectionIsTheAttemptsAndTheWorkloadsSidecarIsNoSignOfLifeOfAnotherPods) {
  for (const bool own_pod : {true, false}) {
    Sample sample = timed_out();
    if (own_pod) sample.plan.extra_probes.push_back({"P3", past_proxy, {}, scenario::PodTemplate{}});
    policy::MeshRecord& record = drop(sample);
    record.proxy = policy::capture_witness("P3");
    record.details = policy::capture_refusal;
    for (const int at_ms : {1, 19000}) {
      policy::MeshRecord& of_sidecar = sample.log();
      of_sidecar.proxy = "P3";
      of_sidecar.nonce = "another";
      of_sidecar.at = Sample::at(at_ms);
    }
    const Row row = sample.row();
    ASSERT_EQ(row.probe.logged.size(), 1U);
    EXPECT_EQ(row.probe.logged[0].details, policy::capture_refusal);
    EXPECT_EQ(row.proxy_seen_around, !own_pod);
  }
}

TEST(JoinCapture, AConnectionThatATenantsListenerHasIsTheAttemptsByBothItsEnds) {
  for (const char* wrong : {"", "port", "destination", "pod"}) {
    Sample sample = timed_out();
    sample.plan.extra_probes.push_back({"P3", past_proxy, {}, scenario::PodTemplate{}});
    policy::MeshRecord& record = drop(sample, wrong == std::string("port") ? "40002" : "40001");
    record.proxy = policy::capture_witness(wrong == std::string("pod") ? "P4" : "P3");
    record.details = policy::capture_taken;
    if (wrong == std::string("destination")) record.destination = "198.51.100.66:443";
    const Row row = sample.row();
    EXPECT_EQ(row.probe.logged.size(), wrong == std::string() ? 1U : 0U) << wrong;
  }
}

// The plugin knows the second of a drop, and a loaded machine takes seconds to list many.
TEST(JoinNetworkPolicy, ADropIsFoundWithinWhatItsClockAllows) {
  Sample sample = timed_out();
  drop(sample).at = Sample::at(9000);
  EXPECT_EQ(sample.row().probe.logged.size(), 1U);
}

TEST(JoinNetworkPolicy, WhatWasDroppedDidNotLeaveThroughTheGateway) {
  Sample sample = timed_out();
  sample.receive(ReceiptKind::connection, 7).peer = "203.0.113.14:50000";
  EXPECT_EQ(sample.row().unattributed.size(), 1U) << "it may be the attempt's";
  drop(sample);
  EXPECT_THAT(sample.row().unattributed, IsEmpty());
}

TEST(JoinGateway, DialledPastTheSidecarItIsFoundByTheSendersEndAlone) {
  Sample sample = timed_out();
  policy::MeshRecord& record = sample.log();
  record.proxy = "P3.gateway";
  record.downstream = std::string(pod_address) + ":40001";
  record.destination = "203.0.113.14:8443";  // the ClusterIP that was dialled was translated
  EXPECT_EQ(sample.row().probe.logged.size(), 1U);
  sample.plan.cells.back().pod = "P3";
  sample.collected.batches["probe"]["P3"] = sample.collected.batches["probe"][past_proxy];
  EXPECT_THAT(sample.row().probe.logged, IsEmpty()) << "a captured connection ends at the sidecar";
}

}  // namespace
}  // namespace egressproof::evidence
