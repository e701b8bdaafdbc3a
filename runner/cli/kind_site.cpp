#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <sstream>

#include "runner/backend/cluster/diagnostics.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/kind.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/terminal.h"
#include "runner/cli/worlds.h"

namespace egressproof::cli {

namespace fs = std::filesystem;
namespace cluster = backend::cluster;

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> all;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
    const std::string text(*one);
    if (const std::size_t equals = text.find('='); equals != std::string::npos)
      all[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return all;
}

Result<fs::path> kind_folder(const std::string& given) {
  const auto holds = [](const fs::path& folder) {
    std::error_code ignored;
    return fs::is_regular_file(folder / "versions.yaml", ignored);
  };
  if (!given.empty()) {
    if (holds(given)) return fs::path(given);
    return fail(ErrorKind::usage, "folder '" + given + "' has no versions.yaml");
  }
  const fs::path program(program_folder());
  if (holds("kind")) return fs::path("kind");
  if (holds(program.parent_path() / "share" / "egressproof" / "kind"))
    return program.parent_path() / "share" / "egressproof" / "kind";
  for (fs::path above = program; above.has_relative_path(); above = above.parent_path())
    if (holds(above / "kind")) return above / "kind";
  return fail(ErrorKind::usage,
              "no folder 'kind' with versions.yaml here or beside the program; name it with --kind-folder");
}

Result<cluster::KindSettings> kind_settings(const KindOptions& options) {
  const auto folder = kind_folder(options.folder);
  if (!folder) return tl::unexpected(folder.error());
  cluster::SettingsSources sources;
  sources.defaults = *folder / "versions.yaml";
  sources.environment = environment();
  if (const auto files = sources.environment.find(cluster::files_variable); files != sources.environment.end()) {
    std::istringstream list(files->second);
    for (std::string file; std::getline(list, file, ':');)
      if (!file.empty()) sources.files.emplace_back(file);
  }
  sources.files.insert(sources.files.end(), options.settings.begin(), options.settings.end());
  sources.assignments = options.assignments;
  if (!options.name.empty()) sources.assignments.push_back("cluster.name=" + options.name);
  return cluster::load_settings(sources);
}

Result<KindSite> kind_site(const KindOptions& options) {
  auto settings = kind_settings(options);
  if (!settings) return tl::unexpected(settings.error());
  const cluster::ToolSearch search{environment(), options.toolchain.empty() ? default_toolchain() : options.toolchain};
  auto tools = cluster::Tools::from(search, cluster::look_for_tools(search));
  if (!tools) return tl::unexpected(tools.error());
  cluster::ProvisionOptions how;
  how.state_folder = cluster::default_state_folder(search.environment, settings->cluster.name);
  how.settings = std::move(*settings);
  how.interrupted = [] { return interrupted() != 0; };
  return KindSite{std::move(how), std::move(*tools)};
}

namespace {

// "[ 12.3 s] istio    done (9.8 s)": one line for a state, so that it reads well in a log of CI too.
class StepLines {
 public:
  void tell(const cluster::StepEvent& event) const {
    static const char* const states[] = {"...", "waits", "was there", "done", "FAILED"};
    const auto total = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
    std::ostringstream line;
    line.setf(std::ios::fixed);
    line.precision(1);
    line << '[';
    line.width(6);
    line << total << " s] " << event.step << std::string(event.step.size() < 8 ? 8 - event.step.size() : 0, ' ') << ' '
         << states[static_cast<std::size_t>(event.state)];
    if (event.state == cluster::StepState::done || event.state == cluster::StepState::kept ||
        event.state == cluster::StepState::failed)
      line << " (" << std::chrono::duration<double>(event.elapsed).count() << " s)";
    if (event.state == cluster::StepState::waiting) line << " for " << event.detail.substr(0, event.detail.find('\n'));
    std::cerr << line.str() << std::endl;
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace

Result<fs::path> bring_up_kind(const KindSite& site, bool quiet) {
  const StepLines lines;
  cluster::ProvisionOptions how = site.options;
  if (!quiet) how.on_event = [&](const cluster::StepEvent& event) { lines.tell(event); };
  auto done = cluster::provision(how, site.tools);
  if (done) return cluster::kubeconfig_of(how.state_folder);
  if (done.error().kind == ErrorKind::environment) {
    const fs::path folder = how.state_folder / "diagnostics";
    if (const auto files = write_kind_bundle(site, folder); files && *files > 0)
      done.error().message += "\ndiagnostics: " + folder.string();
  }
  return tl::unexpected(done.error());
}

Result<std::size_t> write_kind_bundle(const KindSite& site, const fs::path& folder) {
  const auto& options = site.options;
  std::error_code error;
  const fs::path kubeconfig = cluster::kubeconfig_of(options.state_folder);
  const cluster::Kubectl kubectl = site.tools.kubectl(kubeconfig);
  cluster::BundleSources sources;
  sources.kubectl = &kubectl;
  sources.tools = &site.tools;
  sources.kubeconfig = kubeconfig;
  sources.interrupted = options.interrupted;
  sources.namespaces = {"istio-system", "knative-serving", "kube-system"};
  if (const auto nodes = process::run_checked(
          site.tools.kind({"get", "nodes", "--name", options.settings.cluster.name}), std::chrono::seconds(30))) {
    std::istringstream names(*nodes);
    for (std::string name; std::getline(names, name);)
      if (!name.empty()) sources.node_containers.push_back(name);
  }
  for (const auto& entry : fs::directory_iterator(options.state_folder / "logs", error))
    sources.log_files.push_back(entry.path());
  // Without a cluster there is nothing but our own logs to tell of, and each question would wait for its time-out.
  const bool reachable = fs::exists(kubeconfig, error) && !sources.node_containers.empty();
  if (!reachable && sources.log_files.empty()) return std::size_t{0};
  const auto names = cluster::write_bundle(sources, folder);
  if (!names) return tl::unexpected(names.error());
  return names->size();
}

}  // namespace egressproof::cli
