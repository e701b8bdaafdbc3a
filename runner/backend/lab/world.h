// One lab: processes in namespaces, all ended by the destructor.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runner/backend/backend.h"
#include "runner/backend/lab/certificates.h"
#include "runner/backend/lab/lab.h"
#include "runner/backend/lab/mesh_config.h"
#include "runner/backend/lab/netns.h"
#include "runner/backend/lab/probe_link.h"
#include "runner/backend/lab/proxy_status.h"
#include "runner/backend/lab/topology.h"
#include "runner/process/child.h"

namespace egressproof::backend::lab {

class LabWorld : public World {
 public:
  static Result<std::unique_ptr<World>> open(const Settings& settings, const Blueprint& blueprint,
                                             const Progress& progress);

  Result<policy::Applied> apply(const policy::Generation& generation,
                                const std::function<void()>& while_waiting) override;
  Result<std::map<std::string, probe::BatchResult>> attempt(
      const std::map<std::string, std::vector<probe::Attempt>>& batches) override;
  Result<target::Journal> receipts() override;
  Result<std::vector<policy::MeshRecord>> mesh_records() override;
  std::vector<std::string> health() override;
  std::map<std::string, std::vector<std::string>> pod_addresses() override;
  Versions versions() override;
  std::string work_folder() override { return folder_.path().string(); }
  Result<void> close() override;
  ~LabWorld() override = default;

 private:
  LabWorld(Settings settings, Blueprint blueprint, WorkFolder folder)
      : settings_(std::move(settings)), blueprint_(std::move(blueprint)), folder_(std::move(folder)) {}

  // The steps of open(), in order (world_open.cpp).
  Result<void> build_network();
  Result<void> start_target();
  Result<void> start_istiod();
  Result<void> capture_pods();
  Result<void> start_proxies();
  Result<void> start_probes();
  Result<void> wait_proxies();

  [[nodiscard]] std::filesystem::path pod_folder(const PodPlace& pod) const {
    return folder_.path() / ("pod-" + pod.name);
  }
  // egressproof-sandbox in `netns` with the folders that an unprivileged program may not reach otherwise.
  [[nodiscard]] process::Command sandboxed(const Netns& netns, const std::vector<std::string>& flags,
                                           const std::vector<std::string>& argv) const;
  Result<std::vector<ProxyStatus>> proxy_status() const;
  Result<UniqueFd> log_file(const std::filesystem::path& path, int owner) const;
  // What is still awaited of the barrier; empty: passed. Error: a rejection.
  Result<std::string> barrier_gap(std::uint64_t after, const std::string& cluster) const;

  Settings settings_;
  Blueprint blueprint_;
  WorkFolder folder_;  // declared before all that writes into it: removed last
  std::vector<PodPlace> pods_;
  std::optional<Netns> world_ns_, istiod_ns_;
  std::deque<Netns> pod_ns_;  // as pods_
  std::optional<process::Child> target_, istiod_;
  std::map<std::string, process::Child> proxies_;        // by pod
  std::map<std::string, ProbeLink> probes_;              // by pod
  std::map<std::string, probe::Observation> last_seen_;  // newest observation through each proxy
  int batches_ = 0;
  int bump_ = 0;
  std::size_t log_seen_ = 0;  // of istiod's log, before the current generation
};

}  // namespace egressproof::backend::lab
