// Real istiod, Envoy and iptables: what the three witnesses say of a few attempts, and what the world does when a part
// of it is wrong. Fails, rather than skips, without root or toolchain: `make test` provides both.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "base/crypto.h"
#include "base/files.h"
#include "runner/backend/lab/lab.h"
#include "runner/process/child.h"

namespace egressproof::backend::lab {
namespace {

constexpr const char* allow_address = "198.51.100.10";
constexpr const char* deny_address = "198.51.100.20";
constexpr const char* sink_address = "198.51.100.66";

std::string sidecar(const std::string& ns) {
  return "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: " + ns +
         "}\nspec:\n  egress: [{hosts: [\"./*\"]}]\n  outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n";
}

std::string service_entry(const std::string& ns, const std::string& resolution) {
  return "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: allow, namespace: " + ns +
         "}\nspec:\n  hosts: [allow.test]\n  exportTo: [\".\"]\n  location: MESH_EXTERNAL\n  resolution: " +
         resolution +
         "\n  ports:\n  - {number: 80, name: http, protocol: HTTP}\n  - {number: 443, name: tls, protocol: TLS}\n";
}

scenario::Profile profile(const std::string& name, const std::string& ns, scenario::Mesh mesh) {
  scenario::Profile made;
  made.name = name;
  made.ns = ns;
  made.mesh = mesh;
  return made;
}

Blueprint blueprint() {
  Blueprint made;
  made.suite.zones = {"test"};
  made.suite.fixtures = {{"allow", {allow_address}, {80, 443}, false, true, {"allow.test"}, {}},
                         {"deny", {deny_address}, {80, 443}, false, true, {"deny.test"}, {}},
                         {"sink", {sink_address}, {}, true, true, {}, {}}};
  for (const auto& fixture : made.suite.fixtures) made.keys[fixture.name] = random_hex(16);
  made.profiles = {profile("P0", "plain", scenario::Mesh::none), profile("P2", "closed", scenario::Mesh::sidecar),
                   profile("P3", "dns", scenario::Mesh::sidecar), profile("P4", "none", scenario::Mesh::sidecar)};
  return made;
}

std::string policies() {
  return sidecar("closed") + sidecar("dns") + service_entry("dns", "DNS") + sidecar("none") +
         service_entry("none", "NONE");
}

Settings settings() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const char* given = std::getenv("EGRESSPROOF_TOOLCHAIN");
  const std::string base = cache != nullptr ? cache : std::string(home == nullptr ? "" : home) + "/.cache";
  const char* run_id = std::getenv("EGRESSPROOF_TEST_RUN_ID");  // of a world that is going to be killed
  return {EGRESSPROOF_BINARY_DIR, given != nullptr ? given : base + "/egressproof/istio-1.31.0",
          run_id != nullptr ? run_id : random_hex(4)};
}

probe::Attempt http(std::uint64_t sequence, const std::string& address, const std::string& host) {
  probe::Attempt attempt;
  attempt.sequence = sequence;
  attempt.nonce = random_hex(16);
  attempt.address = address;
  attempt.port = 80;
  attempt.host = host;
  return attempt;
}

probe::Attempt tls(std::uint64_t sequence, const std::string& address, const std::string& sni) {
  probe::Attempt attempt;
  attempt.sequence = sequence;
  attempt.nonce = random_hex(16);
  attempt.protocol = probe::Protocol::tls;
  attempt.address = address;
  attempt.port = 443;
  attempt.sni = sni;
  return attempt;
}

// Fixtures that have a receipt (other than of a bare connection) with this nonce.
std::vector<std::string> reached(const target::Journal& journal, const std::string& nonce) {
  std::vector<std::string> fixtures;
  for (const target::Receipt& receipt : journal.receipts)
    if (receipt.nonce == nonce) fixtures.push_back(receipt.fixture);
  fixtures.erase(std::unique(fixtures.begin(), fixtures.end()), fixtures.end());
  return fixtures;
}

class LabWorldTest : public testing::Test {
 protected:
  void SetUp() override {
    backend_ = make(settings());
    const auto detected = backend_->detect();
    ASSERT_TRUE(detected) << to_string(detected.error());
    auto opened = backend_->open(blueprint(), {});
    ASSERT_TRUE(opened) << to_string(opened.error());
    world_ = std::move(*opened);
  }

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<World> world_;
};

using Fixtures = std::vector<std::string>;

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
  const auto applied = world_->apply({1, "---\nkind: [\n", false}, {});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().message.find("istiod refused generation 1: unable to reload"), 0U)
      << applied.error().message;
}

TEST(LabLeftovers, FolderOfADeadRunIsRemovedAndThatOfALiveOneIsNot) {
  const auto live = WorkFolder::create("test-" + random_hex(4));
  ASSERT_TRUE(live);
  const std::filesystem::path dead = std::filesystem::temp_directory_path() / ("egressproof-test-" + random_hex(4));
  std::filesystem::create_directory(dead);
  ASSERT_TRUE(write_file_atomically(dead / "owner.lock", ""));
  ASSERT_TRUE(clean_leftovers());
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_TRUE(std::filesystem::exists(live->path()));
}

// Processes (not zombies, which have no command line) that name the run.
int processes_of(const std::string& run_id) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto line = read_file(entry.path() / "cmdline");
    if (line && line->find("egressproof-" + run_id) != std::string::npos) ++count;
  }
  return count;
}

TEST(LabLeftovers, SigkillAtAnyPointLeavesOnlyAFolderThatTheNextRunRemoves) {
  bool any_was_up = false;
  for (const int point_ms : {30, 150, 350, 600, 900, 1300}) {
    const std::string run_id = "killed-" + random_hex(4);
    process::Command command;
    command.argv = {std::string(EGRESSPROOF_BINARY_DIR) + "/lab_world", "--gtest_filter=LabWorldTest.Witnesses*"};
    const char* home = std::getenv("HOME");
    command.env = {{"EGRESSPROOF_TEST_RUN_ID", run_id}, {"HOME", home == nullptr ? "" : home}};
    for (const char* name : {"XDG_CACHE_HOME", "EGRESSPROOF_TOOLCHAIN"})
      if (const char* value = std::getenv(name)) command.env[name] = value;
    auto child = process::Child::start(command);
    ASSERT_TRUE(child) << to_string(child.error());
    ::poll(nullptr, 0, point_ms);  // the point at which it is killed, not a wait for a state
    any_was_up = any_was_up || processes_of(run_id) > 5;
    child->signal(SIGKILL);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (processes_of(run_id) > 0 && std::chrono::steady_clock::now() < deadline) ::poll(nullptr, 0, 5);
    EXPECT_EQ(processes_of(run_id), 0) << "killed after " << point_ms << " ms";
    while (!child->ended() && std::chrono::steady_clock::now() < deadline) ::poll(nullptr, 0, 5);
    ASSERT_TRUE(clean_leftovers());
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::temp_directory_path() / ("egressproof-" + run_id)));
  }
  EXPECT_TRUE(any_was_up) << "no world had come up before it was killed: the test saw nothing";
}

}  // namespace
}  // namespace egressproof::backend::lab
