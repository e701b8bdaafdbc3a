// One lab: processes in namespaces, all ended by the destructor.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runner/backend/backend.h"
#include "runner/backend/lab/certificates.h"
#include "runner/backend/lab/injector.h"
#include "runner/backend/lab/kernel_counters.h"
#include "runner/backend/lab/lab.h"
#include "runner/backend/lab/mesh_config.h"
#include "runner/backend/lab/netns.h"
#include "runner/backend/lab/network_places.h"
#include "runner/backend/lab/probe_link.h"
#include "runner/backend/lab/topology.h"
#include "runner/backend/mesh/access_log.h"
#include "runner/backend/mesh/proxy_status.h"
#include "runner/process/child.h"

namespace egressproof::backend::lab {

// A probe: that of a pod, or an extra one.
struct ProbePlace {
  std::string name;
  std::size_t pod = 0;  // index into the pods
  int uid = 0, gid = 0;
  bool captured = false;                       // its connections go through the pod's proxy
  std::vector<std::string> capabilities = {};  // these alone; empty: as its uid has them
};

// As istiod knows the pod's proxy.
std::string proxy_id_of(const PodPlace& pod);

// Those of the pods, in order, then the extra ones. Error kind scenario: an extra probe of no pod, or a name twice.
Result<std::vector<ProbePlace>> place_probes(const std::vector<PodPlace>& pods, const std::vector<ExtraProbe>& extra);

// Those of the toolchain, as processes in the lab see them; `folder`: of the run.
SidecarFiles sidecar_files(const std::filesystem::path& folder);

class LabWorld : public World {
 public:
  static Result<std::unique_ptr<World>> open(const Settings& settings, const Blueprint& blueprint,
                                             const Progress& progress);

  Result<policy::Applied> apply(const policy::Generation& generation,
                                const std::function<void()>& while_waiting) override;
  Result<std::map<std::string, probe::BatchResult>> attempt(
      const std::map<std::string, std::vector<probe::Attempt>>& batches) override;
  Result<void> move_records() override;
  [[nodiscard]] bool ends_ticks() const override { return true; }
  void end_ticks(const std::set<std::string>& probes) override;
  Result<target::Journal> receipts() override;
  Result<std::vector<policy::MeshRecord>> mesh_records() override;
  std::vector<std::string> health() override;
  std::map<std::string, std::vector<std::string>> pod_addresses() override;
  Versions versions() override;
  std::map<std::string, int> pod_processes() override;
  std::string work_folder() override { return folder_.path().string(); }
  Result<void> close() override;
  ~LabWorld() override;

 private:
  LabWorld(Settings settings, Blueprint blueprint, WorkFolder folder)
      : settings_(std::move(settings)), blueprint_(std::move(blueprint)), folder_(std::move(folder)) {}

  // The steps of open(), in order (world_open.cpp).
  Result<void> make_namespaces();
  Result<void> start_istiod();
  Result<void> start_all_at_once();
  Result<void> start_target();      // these three
  Result<void> connect_pods();      // run
  Result<void> write_identities();  // at
  Result<void> make_case_pods();    // once
  Result<void> start_targets_in_pods();
  Result<void> start_probes();
  Result<void> start_proxies();
  Result<void> wait_probes();
  Result<void> wait_proxies();

  // Of one pod: network and capture rules; certificate and the folders of its proxy.
  Result<void> connect_pod(std::size_t pod);
  Result<void> write_identity(const PodPlace& pod) const;
  Result<void> start_proxy(std::size_t pod);

  // Pods of cases (world_case_pods.cpp).
  [[nodiscard]] bool has_case_pods() const;
  // What Istio's injector makes of the meshed ones of them, all at once.
  Result<void> inject_case_pods();
  Result<void> run_init_containers(std::size_t pod);
  // As a container runtime starts it.
  [[nodiscard]] process::Command container_command(std::size_t pod, const Container& container,
                                                   std::vector<std::string> flags) const;
  [[nodiscard]] const InjectedPod* injected(const PodPlace& pod) const;
  // Its proxy runs and takes configuration: not one that a case holds back or ended.
  [[nodiscard]] bool in_service(const PodPlace& pod) const {
    const std::lock_guard lock(proxies_mutex_);
    return pod.meshed && out_of_service_.count(pod.name) == 0;
  }

  [[nodiscard]] std::filesystem::path pod_folder(const PodPlace& pod) const {
    return folder_.path() / ("pod-" + pod.name);
  }
  // "2/3": of the probes in its pod.
  [[nodiscard]] std::string port_share(const ProbePlace& place) const;
  [[nodiscard]] std::filesystem::path probe_log(const ProbePlace& place) const {
    return folder_.path() / ("probe-" + place.name + ".log");
  }
  Result<process::Child> start_target_in(const Netns& netns, const target::Config& config,
                                         const std::filesystem::path& folder) const;
  // egressproof-sandbox in `netns` with the folders that an unprivileged program may not reach otherwise.
  [[nodiscard]] process::Command sandboxed(const Netns& netns, const std::vector<std::string>& flags,
                                           const std::vector<std::string>& argv) const;
  // Standard output. Error kind environment.
  [[nodiscard]] Result<std::string> output_in(const Netns& netns, const std::vector<std::string>& argv,
                                              const std::string& input = {}) const;
  [[nodiscard]] Result<void> run_in(const Netns& netns, const std::vector<std::string>& argv,
                                    const std::string& input = {}) const;
  Result<UniqueFd> log_file(const std::filesystem::path& path, int owner) const;

  // What cases want done before the attempts of their pods, once each (world_acts.cpp). Errors of the harness by probe.
  std::map<std::string, std::vector<std::string>> act_first(
      const std::map<std::string, std::vector<probe::Attempt>>& batches);
  Result<void> act(const ProbePlace& place, scenario::PodAct act);
  [[nodiscard]] Result<void> flush_rules(const ProbePlace& place) const;
  // POST by the probe to its pod's loopback, until the capture port refuses connections.
  Result<void> ask(const ProbePlace& place, int port, const std::string& path);
  [[nodiscard]] Result<void> await_refusal(const ProbePlace& place) const;
  // A listener of the tenant on the capture port, which nobody else may have; until the world is closed.
  [[nodiscard]] Result<void> take_capture_port(const ProbePlace& place);
  // Proxies that die, come again and lose istiod (world_faults.cpp).
  Result<void> kill_proxy(const ProbePlace& place);
  Result<void> lose_istiod(const ProbePlace& place);
  Result<void> restart_proxy(const ProbePlace& place);
  [[nodiscard]] Result<void> await_ready(const ProbePlace& place);
  [[nodiscard]] Result<void> await_unconfigured(const ProbePlace& place);
  [[nodiscard]] Result<std::uint64_t> refused_by_cut(const Netns& netns) const;
  [[nodiscard]] process::Child& proxy_of(const PodPlace& pod);
  // The pod's kernel is a witness (capture_witness.h).
  [[nodiscard]] bool watches_capture(const PodPlace& pod) const;
  [[nodiscard]] Result<std::vector<policy::MeshRecord>> capture_refusals(std::size_t pod) const;
  [[nodiscard]] Result<std::vector<policy::MeshRecord>> taken_connections(std::size_t pod) const;
  // From now on the kernels of the pods whose probes send something silent remember what the proxy holds.
  Result<void> watch_silent(const std::map<std::string, std::vector<probe::Attempt>>& batches);
  [[nodiscard]] Result<std::vector<policy::MeshRecord>> held_connections(std::size_t pod) const;
  // `list`: the argument vector that lists the set; see capture_records().
  [[nodiscard]] Result<std::vector<policy::MeshRecord>> kernel_records(std::size_t pod,
                                                                       const std::vector<std::string>& list,
                                                                       const char* details) const;
  // A socket whose connection was refused no longer knows its own end. In a pod of a case the kernel's record gives it
  // back, where there is one refused attempt to a destination and one record of it.
  [[nodiscard]] Result<void> end_refused(std::map<std::string, probe::BatchResult>& results) const;

  // Of apply() (barrier.cpp).
  using Gap = std::function<Result<std::string>()>;  // what is still awaited; empty: nothing. Error: give up at once
  Result<policy::Applied> put_in_place(const policy::Generation& generation,
                                       const std::function<void()>& while_waiting);
  [[nodiscard]] std::vector<std::string> meshed_namespaces() const;
  [[nodiscard]] Result<std::vector<mesh::ProxyStatus>> proxy_status() const;
  [[nodiscard]] Result<std::string> store_gap(const std::string& marker, std::size_t log_seen) const;
  [[nodiscard]] Result<std::string> barrier_gap(const std::vector<mesh::ProxyStatus>& before,
                                                const std::string& cluster) const;
  [[nodiscard]] std::string envoy_gap(const std::string& cluster) const;

  // NetworkPolicy (world_network_policy.cpp).
  [[nodiscard]] Result<void> check_network_policies() const;  // those of the blueprint, before anything is started
  // Puts these in place of those before. Nothing is done while there never were any.
  Result<void> load_network_policies(const std::vector<policy::NetworkPolicy>& policies);
  [[nodiscard]] Result<std::vector<DroppedPacket>> dropped_packets() const;
  [[nodiscard]] std::vector<std::string> network_policy_problems() const;

  // Of health().
  [[nodiscard]] std::map<std::string, KernelCounters> kernel_counters() const;  // by "pod P2", "the world", "istiod"

  Settings settings_;
  Blueprint blueprint_;
  WorkFolder folder_;  // declared before all that writes into it: removed last
  std::vector<PodPlace> pods_;
  std::vector<ProbePlace> probe_places_;
  std::optional<Netns> world_ns_, istiod_ns_;
  std::deque<Netns> pod_ns_;  // as pods_
  std::optional<process::Child> target_, istiod_;
  std::map<std::string, process::Child> pod_targets_;  // by pod: of fixtures that listen there
  std::optional<WorkloadCa> ca_;
  std::map<std::string, InjectedPod> injected_;        // by pod of a case
  std::set<std::string> acted_;                        // probes whose acts are done
  std::set<std::string> out_of_service_;               // pods without their proxy, as a case wants it
  std::map<std::string, process::Child> proxies_;      // by pod
  std::map<std::string, ProbeLink> probes_;            // by name
  std::map<std::string, mesh::AccessLogReader> logs_;  // by pod
  // The same of what a policy's own listener writes to standard output, where a cluster has all records.
  std::map<std::string, mesh::AccessLogReader> outputs_;
  std::map<std::string, mesh::ExpectedRecords> expected_;  // by pod
  std::chrono::microseconds newest_expected_{0};           // end of the newest of them, system clock
  std::map<std::string, KernelCounters> kernel_at_open_;
  std::map<std::size_t, UniqueFd> taken_ports_;  // by pod: the tenant's listeners in the place of proxies that are gone
  std::set<std::size_t> watched_silent_;         // pods; see watch_silent()
  std::set<SeenEnds::key_type> silent_ends_;     // of silent attempts that nobody answered
  SeenEnds seen_ends_;                           // of all attempts
  bool has_network_policies_ = false;            // the world has the ruleset, or must get it
  std::vector<std::string> idle_policies_;       // of the newest generation
  // Of proxies_, logs_, out_of_service_ and taken_ports_ while pods of cases are changed.
  mutable std::mutex proxies_mutex_;
  std::mutex attempt_mutex_;  // of what attempt() writes down: batches_, seen_ends_ and what is expected
  int batches_ = 0;
  int generations_ = 0;  // also the bump of the mesh configuration
};

}  // namespace egressproof::backend::lab
