#include "tests/lab/support.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/crypto.h"
#include "base/files.h"

namespace egressproof::backend::lab {

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
  made.suite.fixtures = {{"allow", {allow_address}, {80, 443}, false, true, false, {"allow.test"}, {}, {}},
                         {"deny", {deny_address}, {80, 443}, false, true, false, {"deny.test"}, {}, {}},
                         {"sink", {sink_address}, {}, true, true, false, {}, {}, {}}};
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
          run_id != nullptr ? run_id : "test-" + random_hex(4)};
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

Fixtures reached(const target::Journal& journal, const std::string& nonce) {
  Fixtures fixtures;
  for (const target::Receipt& receipt : journal.receipts)
    if (receipt.nonce == nonce) fixtures.push_back(receipt.fixture);
  fixtures.erase(std::unique(fixtures.begin(), fixtures.end()), fixtures.end());
  return fixtures;
}

std::vector<int> processes_of(const std::string& run_id) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto line = read_file(entry.path() / "cmdline");
    if (line && line->find("egressproof-" + run_id) != std::string::npos)
      found.push_back(std::atoi(entry.path().filename().c_str()));
  }
  return found;
}

int process_of(const std::string& run_id, const std::string& word, const std::string& pod) {
  for (const int pid : processes_of(run_id)) {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::error_code code;
    const auto cwd = std::filesystem::read_symlink(folder + "/cwd", code);
    const auto line = read_file(folder + "/cmdline");
    // The sandbox's command line has all words of its program's.
    if (line && line->find(word) != std::string::npos && line->find("egressproof-sandbox") == std::string::npos &&
        (pod.empty() || cwd.filename() == "pod-" + pod))
      return pid;
  }
  return 0;
}

std::string run_id_of(World& world) {
  return std::filesystem::path(world.work_folder()).filename().string().substr(std::string("egressproof-").size());
}

bool until(std::chrono::milliseconds limit, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

void LabWorldTest::open(const Blueprint& made) {
  backend_ = make(settings());
  const auto detected = backend_->detect();
  ASSERT_TRUE(detected) << to_string(detected.error());
  auto opened = backend_->open(made, {});
  ASSERT_TRUE(opened) << to_string(opened.error());
  world_ = std::move(*opened);
}

void LabWorldTest::TearDown() {
  if (!world_) return;
  const std::filesystem::path folder = world_->work_folder();
  const std::string run_id = run_id_of(*world_);
  const auto closed = world_->close();
  EXPECT_TRUE(closed) << to_string(closed.error());
  EXPECT_EQ(processes_of(run_id), std::vector<int>{}) << "when close() has returned, all have ended";
  world_.reset();
  if (!HasFailure()) std::filesystem::remove_all(folder);
}

}  // namespace egressproof::backend::lab
