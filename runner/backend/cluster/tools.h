// The programs that provisioning calls: where they are, which version, and what to install where one is missing.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/backend/cluster/kubectl.h"
#include "runner/process/child.h"

namespace egressproof::backend::cluster {

struct ToolSearch {
  std::map<std::string, std::string> environment;  // the caller's; PATH says where to look
  std::filesystem::path toolchain;  // folder of the lab's own kubectl and istioctl; after PATH; may be empty
};

struct Tool {
  std::string name;            // "docker", "kind", "kubectl", "istioctl"
  std::filesystem::path path;  // empty: missing
  std::string version;         // as it tells; empty: it does not
  std::string advice;          // what to install, if it is missing
};

// All four, in that order, found or not. Asks each for its version.
std::vector<Tool> look_for_tools(const ToolSearch& search);

// The four as commands. Pure but for running what it is told to.
class Tools {
 public:
  // Error kind environment: names every missing one and what to install.
  static Result<Tools> from(const ToolSearch& search, std::vector<Tool> found);

  [[nodiscard]] process::Command docker(const std::vector<std::string>& args) const { return command("docker", args); }
  [[nodiscard]] process::Command kind(const std::vector<std::string>& args) const { return command("kind", args); }
  [[nodiscard]] process::Command istioctl(const std::vector<std::string>& args) const {
    return command("istioctl", args);
  }
  // The one API server that provisioning speaks to, whatever the caller's KUBECONFIG says.
  [[nodiscard]] Kubectl kubectl(const std::filesystem::path& kubeconfig) const;
  [[nodiscard]] const Tool& tool(const std::string& name) const;

 private:
  [[nodiscard]] process::Command command(const std::string& name, const std::vector<std::string>& args) const;
  std::vector<Tool> all_;
  std::map<std::string, std::string> environment_;
};

struct Engine {
  std::string version;
  int cgroup = 0;            // version; 0: it does not say
  std::uint64_t memory = 0;  // bytes
};
// Error kind environment: the engine does not answer, with what to do.
Result<Engine> ask_engine(const Tools& tools);

// Why no node can come up on this engine with this kind configuration; nullopt: nothing known against it.
std::optional<std::string> engine_problem(const Engine& engine, const Json& kind_config);

}  // namespace egressproof::backend::cluster
