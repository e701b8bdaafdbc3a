// What a person needs to see why a cluster is not as it should be. Secrets are taken out of everything (redact.h).
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/backend/cluster/kubectl.h"
#include "runner/backend/cluster/tools.h"

namespace egressproof::backend::cluster {

// A few lines for an error: pods that are not ready with their reasons, the newest warnings, the last lines of their
// containers' logs. Empty if the API server does not say. Never fails: it explains another failure.
std::string why_not_ready(const Kubectl& kubectl, const std::vector<std::string>& namespaces);

struct BundleSources {
  const Kubectl* kubectl = nullptr;
  const Tools* tools = nullptr;                  // nullptr: no istioctl and no node containers (a user's own cluster)
  std::filesystem::path kubeconfig;              // istioctl's; empty: its own choice
  std::vector<std::string> node_containers;      // their logs and iptables
  std::vector<std::string> namespaces;           // whose pods' logs and proxies are taken
  std::vector<std::filesystem::path> log_files;  // of ours
  std::function<bool()> interrupted;             // asked between files
};

// Fills `folder` (made): cluster.txt, events.txt, objects.json, describe.txt, logs/, proxies/, nodes/, and errors.txt
// with what could not be had. The names of the files. Error kind environment: the folder cannot be written.
Result<std::vector<std::string>> write_bundle(const BundleSources& sources, const std::filesystem::path& folder);

}  // namespace egressproof::backend::cluster
