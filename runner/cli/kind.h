// What the verbs of `kind` share: where the settings come from.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "runner/backend/cluster/provision.h"

namespace egressproof::cli {

struct KindOptions {
  std::vector<std::string> settings, assignments;  // --kind-settings, --set
  std::string name;                                // --name: cluster.name
  std::string folder;                              // --kind-folder; empty: found as the suite is
  std::string toolchain;
  std::string out;  // of `kind diagnose`
  bool quiet = false, force = false;
};

// --kind-settings, --set, --name, --kind-folder: for every verb that needs the kind cluster.
void add_kind_options(CLI::App& app, KindOptions& options);

// This process's.
std::map<std::string, std::string> environment();

// The folder "kind" of the working directory, beside the program's installation, or above the program; error kind
// usage: none has versions.yaml.
Result<std::filesystem::path> kind_folder(const std::string& given);

// Files of EGRESSPROOF_KIND_SETTINGS (separated by ':') come before those of the command line.
Result<backend::cluster::KindSettings> kind_settings(const KindOptions& options);

// Settings, tools and state folder together. Errors: kind usage or environment.
struct KindSite {
  backend::cluster::ProvisionOptions options;
  backend::cluster::Tools tools;
};
Result<KindSite> kind_site(const KindOptions& options);

// Diagnostics of the cluster into `folder`; the number of files, 0: there is nothing to tell of.
Result<std::size_t> write_kind_bundle(const KindSite& site, const std::filesystem::path& folder);

// All steps, with progress on standard error; on failure a bundle of diagnostics, whose folder is told. The kubeconfig.
Result<std::filesystem::path> bring_up_kind(const KindSite& site, bool quiet);

}  // namespace egressproof::cli
