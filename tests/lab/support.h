// A small world for the tests of the lab, and what they ask of it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runner/backend/lab/lab.h"

namespace egressproof::backend::lab {

inline constexpr const char* allow_address = "198.51.100.10";
inline constexpr const char* deny_address = "198.51.100.20";
inline constexpr const char* sink_address = "198.51.100.66";

using Fixtures = std::vector<std::string>;

std::string sidecar(const std::string& ns);  // REGISTRY_ONLY
std::string service_entry(const std::string& ns, const std::string& resolution);
scenario::Profile profile(const std::string& name, const std::string& ns, scenario::Mesh mesh);

// Fixtures allow, deny, sink; pods P0 (no mesh, "plain"), P2 ("closed"), P3 ("dns"), P4 ("none").
Blueprint blueprint();
std::string policies();  // of those namespaces
Settings settings();     // a new run id each time, unless EGRESSPROOF_TEST_RUN_ID gives one

probe::Attempt http(std::uint64_t sequence, const std::string& address, const std::string& host);
probe::Attempt tls(std::uint64_t sequence, const std::string& address, const std::string& sni);

// Fixtures that have a receipt (other than of a bare connection) with this nonce.
Fixtures reached(const target::Journal& journal, const std::string& nonce);

// Processes (not zombies, which have no command line) that name the run in their command line.
std::vector<int> processes_of(const std::string& run_id);
// That of them whose command line contains `word` and whose folder is that of `pod`; empty: any folder. 0: none.
int process_of(const std::string& run_id, const std::string& word, const std::string& pod = {});
std::string run_id_of(World& world);

bool until(std::chrono::milliseconds limit, const std::function<bool()>& holds);

class LabWorldTest : public testing::Test {
 protected:
  void SetUp() override { open(blueprint()); }
  void TearDown() override;  // removes the folder, which a failed apply() keeps
  void open(const Blueprint& made);

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<World> world_;
};

}  // namespace egressproof::backend::lab
