// A kind cluster with Istio and Knative, from settings: made, taken up where an earlier call stopped, or found
// complete.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/backend/cluster/settings.h"
#include "runner/backend/cluster/tools.h"

namespace egressproof::backend::cluster {

enum class StepState {
  started,  // its work begins
  waiting,  // detail: what is awaited
  kept,     // was done already
  done,
  failed
};

struct StepEvent {
  std::string step;  // "cluster", "network", "images", "istio", "knative", "ready"
  StepState state = StepState::started;
  std::string detail;
  std::chrono::milliseconds elapsed{};  // since the step began
};

struct ProvisionOptions {
  KindSettings settings;
  // Kubeconfig, logs and what is known of the cluster; made, mode 0700. One call at a time works in it.
  std::filesystem::path state_folder;
  std::function<void(const StepEvent&)> on_event;  // from the calling thread
  std::function<bool()> interrupted;               // asked between polls; true ends with an error
  std::chrono::milliseconds poll_every{500};
};

// $XDG_CACHE_HOME (or ~/.cache) egressproof/kind/NAME.
std::filesystem::path default_state_folder(const std::map<std::string, std::string>& environment,
                                           const std::string& cluster);
std::filesystem::path kubeconfig_of(const std::filesystem::path& state_folder);

// All steps. Every one is done again only if it is not there or its settings changed; a cluster that kind knows and
// that no call of ours began is used and never deleted. After a step that failed the cluster stays, for a look and for
// the next call. Errors: kind environment (with events and logs of what is not ready) or interrupted.
Result<void> provision(const ProvisionOptions& options, const Tools& tools);

struct StepStatus {
  std::string step;
  bool ready = false;
  std::string detail;  // what is missing; or what is there
};
// Reads only. After the first step that is not ready the others are told as far as the API server can be asked.
Result<std::vector<StepStatus>> provision_status(const ProvisionOptions& options, const Tools& tools);

// Deletes the cluster and the state folder; nothing there is no error. Error kind usage: the cluster was made by
// somebody else and `force` is not set.
Result<bool> take_down(const ProvisionOptions& options, const Tools& tools, bool force);

}  // namespace egressproof::backend::cluster
