// Real istiod, Envoy and iptables: what the three witnesses say of a few attempts, and what the world does when a part
// of it is wrong. Fails, rather than skips, without root or toolchain: `make test` provides both.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <future>
#include <thread>

#include "base/crypto.h"
#include "runner/policy/capture_hold.h"
#include "tests/lab/support.h"

namespace egressproof::backend::lab {
namespace {

// A world of its own, for its records.
class LabRecordsTest : public LabWorldTest {
 protected:
  void SetUp() override {}
};

TEST_F(LabRecordsTest, MoveOnceTheyAreMoved) {
  Blueprint made = blueprint();
  made.profiles.resize(1);
  made.suite.records = {{"moving.test", "A", {"allow"}, 1, {"deny"}, {}}};
  ASSERT_NO_FATAL_FAILURE(open(made));
  const auto go = [&](std::uint64_t sequence) {
    probe::Attempt attempt = http(sequence, "", "moving.test");
    attempt.name = "moving.test";
    EXPECT_TRUE(world_->attempt({{"P0", {attempt}}}));
    return reached(*world_->receipts(), attempt.nonce);
  };
  EXPECT_EQ(go(1), Fixtures{"allow"});
  EXPECT_EQ(go(1), Fixtures{"allow"});
  const auto moved = world_->move_records();
  ASSERT_TRUE(moved) << to_string(moved.error());
  EXPECT_EQ(go(1), Fixtures{"deny"});
}

TEST_F(LabRecordsTest, LongLivedAttemptsEndWhenThatIsAskedFor) {
  Blueprint made = blueprint();
  made.profiles.resize(1);
  ASSERT_NO_FATAL_FAILURE(open(made));
  ASSERT_TRUE(world_->ends_ticks());
  probe::Attempt attempt = http(1, allow_address, "allow.test");
  attempt.ticks = {std::chrono::milliseconds(20), std::chrono::milliseconds(100'000)};
  auto open = std::async(std::launch::async, [&] { return world_->attempt({{"P0", {attempt}}}); });
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (reached(*world_->receipts(), attempt.nonce).empty() && std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  EXPECT_EQ(open.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout) << "nobody asked yet";
  world_->end_ticks({"P0", "of no pod"});
  const auto results = open.get();
  ASSERT_TRUE(results) << to_string(results.error());
  EXPECT_EQ(results->at("P0").errors, std::vector<std::string>{});
  const probe::Observation& seen = results->at("P0").observations.at(1);
  EXPECT_EQ(seen.code, probe::Code::ok) << seen.detail;
  EXPECT_LT(seen.finished_at - seen.started_at, std::chrono::seconds(60)) << "it lasted as long as it said";
}

TEST_F(LabWorldTest, WitnessesAgreeOnAllowDenyRerouteAndBypass) {
  const auto applied = world_->apply({1, policies(), false}, {});
  ASSERT_TRUE(applied) << to_string(applied.error());

  std::map<std::string, std::vector<probe::Attempt>> batches;
  for (const char* pod : {"P0", "P2", "P3", "P4"}) {
    probe::Attempt by_name = http(1, "", "allow.test");
    by_name.name = "allow.test";
    batches[pod] = {by_name,
                    http(2, deny_address, "deny.test"),
                    http(3, sink_address, "allow.test"),
                    tls(4, allow_address, "allow.test"),
                    tls(5, deny_address, "deny.test"),
                    tls(6, sink_address, "allow.test")};
  }
  const auto results = world_->attempt(batches);
  ASSERT_TRUE(results) << to_string(results.error());
  const auto journal = world_->receipts();
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->errors, std::vector<std::string>{});
  const auto records = world_->mesh_records();
  ASSERT_TRUE(records) << to_string(records.error());

  const auto at = [&](const std::string& pod, std::uint64_t sequence) {
    return reached(*journal, batches.at(pod)[sequence - 1].nonce);
  };
  const auto code = [&](const std::string& pod, std::uint64_t sequence) {
    const auto& result = results->at(pod);
    EXPECT_EQ(result.errors, std::vector<std::string>{}) << pod;
    const auto found = result.observations.find(sequence);
    return found == result.observations.end() ? probe::Code::local_error : found->second.code;
  };
  // Without a mesh everything arrives where it was dialled: the positive control.
  for (const auto& [sequence, fixture] : std::map<std::uint64_t, std::string>{
           {1, "allow"}, {2, "deny"}, {3, "sink"}, {4, "allow"}, {5, "deny"}, {6, "sink"}}) {
    EXPECT_EQ(at("P0", sequence), Fixtures{fixture}) << sequence;
    EXPECT_EQ(code("P0", sequence), probe::Code::ok) << sequence;
  }
  // REGISTRY_ONLY without entries: nothing arrives.
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) EXPECT_EQ(at("P2", sequence), Fixtures{}) << sequence;
  // Resolution DNS: allowed arrives, unlisted does not, a spoofed name is rerouted to its owner.
  EXPECT_EQ(at("P3", 1), Fixtures{"allow"});
  EXPECT_EQ(at("P3", 2), Fixtures{});
  EXPECT_EQ(at("P3", 3), Fixtures{"allow"});
  EXPECT_EQ(at("P3", 4), Fixtures{"allow"});
  EXPECT_EQ(at("P3", 5), Fixtures{});
  EXPECT_EQ(at("P3", 6), Fixtures{"allow"});
  // Resolution NONE: the same spoofed names reach the forbidden address.
  EXPECT_EQ(at("P4", 2), Fixtures{});
  EXPECT_EQ(at("P4", 3), Fixtures{"sink"});
  EXPECT_EQ(at("P4", 5), Fixtures{});
  EXPECT_EQ(at("P4", 6), Fixtures{"sink"});

  // The mesh's own log names who denied: HTTP by nonce, TLS by the probe's end of the connection.
  const auto& http_denied = batches["P3"][1].nonce;
  const auto by_nonce =
      std::find_if(records->begin(), records->end(), [&](const auto& one) { return one.nonce == http_denied; });
  ASSERT_NE(by_nonce, records->end());
  EXPECT_EQ(by_nonce->route, "block_all");
  EXPECT_EQ(by_nonce->code, 502);
  const std::string local = results->at("P3").observations.at(5).local;
  const auto by_end = std::find_if(records->begin(), records->end(),
                                   [&](const auto& one) { return one.proxy == "P3" && one.downstream == local; });
  ASSERT_NE(by_end, records->end()) << local;
  EXPECT_EQ(by_end->cluster, "BlackHoleCluster");
  EXPECT_EQ(world_->health(), std::vector<std::string>{});
}

TEST_F(LabWorldTest, RemovedServiceEntryIsInForceAfterApply) {
  ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
  auto first = world_->attempt({{"P3", {http(1, allow_address, "allow.test")}}});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->at("P3").observations.at(1).code, probe::Code::ok);
  const auto applied = world_->apply({2, sidecar("closed") + sidecar("dns") + sidecar("none"), false}, {});
  ASSERT_TRUE(applied) << to_string(applied.error());
  const probe::Attempt again = http(1, allow_address, "allow.test");
  ASSERT_TRUE(world_->attempt({{"P3", {again}}}));
  const auto journal = world_->receipts();
  ASSERT_TRUE(journal);
  EXPECT_EQ(reached(*journal, again.nonce), Fixtures{});
}

TEST_F(LabWorldTest, RejectedResourceFailsTheGenerationInEnvoysWords) {
  const std::string bad =
      "---\napiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: bad, namespace: dns}\nspec:\n"
      "  configPatches:\n  - applyTo: CLUSTER\n    match: {context: SIDECAR_OUTBOUND}\n"
      "    patch: {operation: ADD, value: {name: bad, type: STRICT_DNS, connect_timeout: 1s, "
      "lb_policy: CLUSTER_PROVIDED}}\n";
  const auto applied = world_->apply({1, policies() + bad, false}, {});
  ASSERT_FALSE(applied);
  EXPECT_NE(applied.error().message.find("rejected Cluster"), std::string::npos) << applied.error().message;
}

TEST_F(LabWorldTest, BrokenManifestIsAnErrorNotTheOldStateTakenForNew) {
  const auto no_yaml = world_->apply({1, "---\nkind: [\n", false}, {});
  ASSERT_FALSE(no_yaml);
  EXPECT_NE(no_yaml.error().message.find("not YAML"), std::string::npos) << no_yaml.error().message;
  const std::string no_entry =
      "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a, namespace: dns}\nspec: {hosts: "
      "7}\n";
  const auto refused = world_->apply({1, no_entry, false}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("istiod refused it: unable to reload"), 0U) << refused.error().message;
}

TEST_F(LabWorldTest, GenerationWithTheSameContentIsAcknowledgedAgainAndAnEmptyOneToo) {
  int calls = 0;
  const auto empty = world_->apply({1, "", false}, [&] { ++calls; });
  ASSERT_TRUE(empty) << to_string(empty.error());
  EXPECT_GT(calls, 3) << "the caller's work was not called while waiting";
  EXPECT_GT(empty->acknowledged_at, empty->applied_at);
  auto before = world_->attempt({{"P2", {http(1, deny_address, "deny.test")}}});
  ASSERT_TRUE(before);
  EXPECT_EQ(before->at("P2").observations.at(1).code, probe::Code::ok) << "without a policy everything passes";
  for (int i = 0; i < 2; ++i) {
    const auto again = world_->apply({2, policies(), false}, {});
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_LT(again->acknowledged_at - again->applied_at, std::chrono::seconds(2));
    const probe::Attempt denied = http(1, deny_address, "deny.test");
    ASSERT_TRUE(world_->attempt({{"P2", {denied}}}));
    EXPECT_EQ(reached(*world_->receipts(), denied.nonce), Fixtures{});
  }
  // The number is the caller's; what is in force is the content.
  const auto other = world_->apply({2, "", false}, {});
  ASSERT_TRUE(other) << to_string(other.error());
  const probe::Attempt allowed = http(1, deny_address, "deny.test");
  ASSERT_TRUE(world_->attempt({{"P2", {allowed}}}));
  EXPECT_EQ(reached(*world_->receipts(), allowed.nonce), Fixtures{"deny"});
}

TEST_F(LabWorldTest, AGoodGenerationAfterARejectedOneIsGood) {
  const std::string bad =
      "---\napiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: bad, namespace: dns}\nspec:\n"
      "  configPatches:\n  - applyTo: CLUSTER\n    match: {context: SIDECAR_OUTBOUND}\n"
      "    patch: {operation: ADD, value: {name: bad, type: STRICT_DNS, connect_timeout: 1s, "
      "lb_policy: CLUSTER_PROVIDED}}\n";
  ASSERT_FALSE(world_->apply({1, policies() + bad, false}, {}));
  EXPECT_NE(world_->health(), std::vector<std::string>{});
  const auto good = world_->apply({2, policies(), false}, {});
  ASSERT_TRUE(good) << to_string(good.error());
  EXPECT_EQ(world_->health(), std::vector<std::string>{});
}

TEST_F(LabWorldTest, EveryConnectionHasItsRecordAsSoonAsTheBatchIsOver) {
  ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
  std::map<std::string, std::vector<probe::Attempt>> batches;
  for (const char* pod : {"P2", "P3", "P4"})
    for (std::uint64_t i = 1; i <= 60; i += 3) {
      batches[pod].push_back(http(i, allow_address, "allow.test"));
      batches[pod].push_back(tls(i + 1, allow_address, "allow.test"));
      batches[pod].push_back(tls(i + 2, sink_address, "other.test"));
    }
  std::chrono::steady_clock::duration took{0};
  for (std::size_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(world_->attempt(batches));
    const auto before = std::chrono::steady_clock::now();
    const auto records = world_->mesh_records();
    took += std::chrono::steady_clock::now() - before;
    ASSERT_TRUE(records);
    EXPECT_GE(records->size(), round * 180);
    for (auto& [pod, batch] : batches)
      for (auto& attempt : batch) attempt.nonce = random_hex(16);
  }
  // Three flushes at Envoy's default interval would take longer.
  EXPECT_LT(took, std::chrono::milliseconds(900));
}

TEST_F(LabWorldTest, TheKernelTellsOfSilentClientsAlone) {
  ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
  probe::Attempt silent = http(2, deny_address, "");
  silent.protocol = probe::Protocol::tcp;
  silent.host.clear();
  silent.limits.response = std::chrono::milliseconds(500);
  const auto results = world_->attempt({{"P3", {http(1, allow_address, "allow.test"), silent}}});
  ASSERT_TRUE(results) << to_string(results.error());
  const auto& seen = results->at("P3").observations;
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen.at(1).code, probe::Code::ok);
  EXPECT_EQ(seen.at(2).code, probe::Code::response_timeout);
  const auto records = world_->mesh_records();
  ASSERT_TRUE(records) << to_string(records.error());
  std::vector<std::string> held;
  for (const policy::MeshRecord& one : *records)
    if (one.details == policy::capture_hold) held.push_back(one.downstream);
  EXPECT_EQ(held, std::vector<std::string>{seen.at(2).local});
}

TEST_F(LabWorldTest, RecordNamesTheProxysOwnEndWhichIsTheReceiptsPeer) {
  ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
  const probe::Attempt by_http = http(1, allow_address, "allow.test");
  const probe::Attempt by_tls = tls(2, allow_address, "allow.test");
  const auto seen = world_->attempt({{"P3", {by_http, by_tls}}});
  ASSERT_TRUE(seen);
  const auto records = world_->mesh_records();
  ASSERT_TRUE(records);
  const auto journal = world_->receipts();
  ASSERT_TRUE(journal);
  int compared = 0;
  for (const auto& receipt : journal->receipts) {
    if (receipt.nonce != by_http.nonce && receipt.kind != target::ReceiptKind::tls) continue;
    EXPECT_EQ(receipt.peer.rfind(world_->pod_addresses().at("P3").front() + ":", 0), 0U) << receipt.peer;
    const auto record = std::find_if(records->begin(), records->end(),
                                     [&](const auto& one) { return one.upstream_local == receipt.peer; });
    ASSERT_NE(record, records->end()) << "no record has the receipt's peer " << receipt.peer;
    EXPECT_EQ(record->proxy, "P3");
    EXPECT_EQ(record->upstream, receipt.local);
    ++compared;
  }
  EXPECT_EQ(compared, 2);
}

TEST_F(LabWorldTest, DeathOfAnyPartIsTold) {
  ASSERT_TRUE(world_->apply({1, policies(), false}, {}));
  ASSERT_EQ(world_->health(), std::vector<std::string>{});
  const std::string run_id = run_id_of(*world_);
  struct Part {
    const char* word;
    const char* pod;
    const char* told;
  };
  for (const Part& part :
       {Part{"toolchain/envoy", "P3", "the proxy of pod P3 ended: "}, Part{"egressproof-probe", "", "the probe P"},
        Part{"egressproof-target", "", "egressproof-target ended: "}, Part{"lab-istiod", "", "istiod ended: "}}) {
    const int pid = process_of(run_id, part.word, part.pod);
    ASSERT_GT(pid, 0) << part.word;
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    const auto told = [&] {
      for (const std::string& problem : world_->health())
        if (problem.rfind(part.told, 0) == 0) return true;
      return false;
    };
    EXPECT_TRUE(until(std::chrono::seconds(5), told)) << part.told;
  }
}

}  // namespace
}  // namespace egressproof::backend::lab
