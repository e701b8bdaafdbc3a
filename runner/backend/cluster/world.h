// One world in a Kubernetes cluster: namespaces, targets, probes and policies of one run.
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
#include "runner/backend/cluster/agent_link.h"
#include "runner/backend/cluster/cluster.h"
#include "runner/backend/cluster/ingress_stand_in.h"
#include "runner/backend/cluster/objects.h"
#include "runner/backend/cluster/ownership.h"
#include "runner/backend/cluster/pods.h"
#include "runner/backend/cluster/port_forward.h"
#include "runner/backend/cluster/relocation.h"
#include "runner/backend/mesh/access_log.h"
#include "runner/backend/mesh/proxy_status.h"

namespace egressproof::backend::cluster {

class ClusterWorld : public World {
 public:
  static Result<std::unique_ptr<World>> open(const WorldSettings& settings, const Blueprint& blueprint,
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
  std::string work_folder() override { return settings_.work_folder.string(); }
  Result<void> close() override;
  ~ClusterWorld() override;

 private:
  // A probe's or gateway's pod, with what of it is forwarded.
  struct Member {
    std::string name;     // "P2", "P2+inject-false", "P6.gateway"
    std::string witness;  // whose sidecar it has: "P2"; of a gateway its own name
    Pod pod;
    bool proxied = false;  // has an Envoy
    std::optional<PortForward> forward;
    std::string missing = {};   // why a pod of a case's own did not come up; the run goes on without it
    bool from_zero = false;     // has no pod yet: the first batch wakes it, and `forward` is to the activator
    std::string revision = {};  // of a Knative Service from zero
    bool at_attempt = false;    // is created by its first batch, which its init container sends
  };
  struct TargetMember {
    std::string fixture;  // "dns" for the authority
    Pod pod;
    std::optional<PortForward> forward;
    std::string journal;        // as read so far
    std::vector<Json> objects;  // to make a pod again that never ran
    int made_again = 0;
  };
  using Gap = std::function<Result<std::string>()>;  // what is still awaited; empty: nothing. Error: give up at once

  ClusterWorld(WorldSettings settings, Blueprint blueprint)
      : settings_(std::move(settings)),
        blueprint_(std::move(blueprint)),
        kubectl_(settings_.kubectl, settings_.kubeconfig, settings_.context) {}

  // The steps of open(), in order (world_open.cpp).
  Result<void> take_cluster(const Progress& progress);
  Result<void> make_credentials();
  Result<void> create_all();
  Result<void> wait_targets();
  Result<void> start_relays();
  Result<void> start_dns();
  Result<void> wait_probes();
  // What must not be there from the start (world_late.cpp).
  static bool comes_late(const ProbePlace& place) {
    return place.tenant.ephemeral || place.tenant.init_container || !place.tenant.namespace_labels.empty();
  }
  Result<void> add_late();
  Result<void> add_relabelled();
  Result<void> add_ephemeral(const ProbePlace& place);
  Result<std::string> ephemeral_gap(const std::set<std::string>& refused);
  Result<void> wait_pods_of_cases();
  Result<void> wait_zero();
  Result<void> forward_all();
  Result<void> wait_names();

  Result<void> await(std::chrono::seconds limit, const std::string& what, const Gap& gap,
                     const std::function<void()>& while_waiting = {}) const;
  Result<void> start_target(const std::string& name, target::Config config);
  // From the suite's addresses to those of the targets that are up.
  [[nodiscard]] Relocation relocation_so_far() const;
  // All with this name, and of all names.
  // Whether it is a pod of a case's own, beside the workloads.
  [[nodiscard]] bool of_a_case(const Member& member) const { return member.name.find('+') != std::string::npos; }
  // What is still awaited of the members that `fits` picks; fills in those that are there.
  Result<std::string> members_gap(const std::function<bool(const Member&)>& fits);
  [[nodiscard]] std::vector<const Member*> members_of(const std::string& name) const;
  [[nodiscard]] std::vector<AgentUrl> agent_urls(const ProbePlace& place) const;  // of each of its pods
  // Of what starts from zero: the error that a pod is there already; and the pod that came (world_zero.cpp).
  [[nodiscard]] std::string awake(const ProbePlace& place) const;
  void find_woken();
  [[nodiscard]] std::map<std::string, std::string> all_agent_urls() const;  // by probe and number
  [[nodiscard]] Result<std::vector<policy::MeshRecord>> records_of(const Member& member) const;
  // Pods that begin with their batch, by probe: created, and what their init containers told (world_init.cpp).
  Result<void> begin_init(const ProbePlace& place, const std::string& batch,
                          const std::vector<probe::Attempt>& attempts);
  probe::BatchResult end_init(const ProbePlace& place, const std::string& batch,
                              const std::vector<probe::Attempt>& attempts);
  Result<std::map<std::string, probe::BatchResult>> send(
      const std::map<std::string, std::vector<probe::Attempt>>& batches, std::chrono::milliseconds limit);

  // Of apply() (barrier.cpp).
  Result<policy::Applied> put_in_place(const policy::Generation& generation,
                                       const std::function<void()>& while_waiting);
  Result<std::vector<Json>> apply_objects(const std::vector<Json>& objects);
  [[nodiscard]] Result<std::vector<mesh::ProxyStatus>> proxy_status() const;
  [[nodiscard]] Result<std::string> store_gap(const std::vector<Json>& wanted) const;
  [[nodiscard]] Result<std::string> registry_gap(const std::vector<Json>& objects) const;
  [[nodiscard]] Result<std::string> barrier_gap(const std::vector<mesh::ProxyStatus>& before,
                                                const std::string& cluster) const;
  [[nodiscard]] std::string envoy_gap(const std::string& cluster) const;
  [[nodiscard]] std::vector<std::string> workload_namespaces() const;  // with sidecars, each once
  [[nodiscard]] std::vector<std::string> meshed_namespaces() const;    // those and the gateways'

  WorldSettings settings_;
  Blueprint blueprint_;
  Kubectl kubectl_;
  std::unique_ptr<Ownership> ownership_;
  std::optional<IngressStandIn> stand_in_;
  Places places_;
  Common common_;
  Relocation relocation_;
  std::deque<Member> members_;  // several of one name: the pods of one workload
  // In the order of the fixtures, those that relay after the others; the last is the DNS authority.
  std::deque<TargetMember> targets_;
  std::deque<PortForward> istiods_;
  std::map<std::string, Json> applied_;                    // of the newest generation, by identity
  std::map<std::string, mesh::ExpectedRecords> expected_;  // by member
  std::map<std::string, std::string> absent_;              // probe in a workload's pod -> why it does not run there
  int batches_ = 0;
  int generations_ = 0;
  bool open_ = false;  // there is something in the cluster to take away
};

}  // namespace egressproof::backend::cluster
