// The steps of provisioning: what each does and what it waits for.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "runner/backend/cluster/provision.h"

namespace egressproof::backend::cluster {

struct Awaited {
  bool there = true;   // false: something that the step makes does not exist
  std::string reason;  // empty: ready
};

struct Step {
  std::string name;
  std::chrono::milliseconds limit{};            // for the work and the wait, each
  std::vector<std::string> namespaces;          // where to look for what is not ready
  std::function<Result<std::string>()> inputs;  // all that decides its result; the step is done again if it changes
  std::function<Result<void>()> act;            // may be repeated
  std::function<Result<Awaited>()> awaited;     // reads only
};

// What steps share. Borrows everything.
class Site {
 public:
  Site(const ProvisionOptions& options, const Tools& tools);

  [[nodiscard]] const KindSettings& settings() const { return options_.settings; }
  [[nodiscard]] const Tools& tools() const { return tools_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return options_.state_folder; }
  [[nodiscard]] const Kubectl& kubectl() const { return kubectl_; }
  // Runs to its end with its streams in LOG of the state folder, ends it when interrupted. Errors show the log's end.
  [[nodiscard]] Result<void> carry_out(process::Command command, std::chrono::milliseconds limit,
                                       const std::string& log) const;
  [[nodiscard]] Result<std::vector<std::string>> nodes() const;  // containers, by kind
  [[nodiscard]] bool interrupted() const { return options_.interrupted && options_.interrupted(); }

 private:
  const ProvisionOptions& options_;
  const Tools& tools_;
  Kubectl kubectl_;
};

Step cluster_step(const Site& site);
Step network_step(const Site& site);
Step images_step(const Site& site);
Step istio_step(const Site& site);
Step knative_step(const Site& site);
Step ready_step(const Site& site);

// Whether kind knows the cluster.
Result<bool> is_known(const Site& site);
// Written while the cluster is made, and once it was: whose it is, and whether it is whole.
inline constexpr const char* making_file = "making";
inline constexpr const char* made_file = "made";

// As containerd names it: "istio/pilot:1" is "docker.io/istio/pilot:1".
std::string full_reference(const std::string& image);

}  // namespace egressproof::backend::cluster
