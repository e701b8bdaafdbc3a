// The lab backend: real istiod, real Envoy, real iptables in network namespaces; no cluster, no container engine.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "runner/backend/backend.h"
#include "runner/backend/lab/work_folder.h"

namespace egressproof::backend::lab {

struct Settings {
  std::filesystem::path programs;   // folder of egressproof-probe, egressproof-target, egressproof-sandbox
  std::filesystem::path toolchain;  // folder of lab-istiod, pilot-agent, envoy, envoy_bootstrap.json
  std::string run_id;               // part of the work folder's name
};

std::unique_ptr<Backend> make(const Settings& settings);

}  // namespace egressproof::backend::lab
