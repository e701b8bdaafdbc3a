// Pods of cases: as Istio's injector makes them, run as a kubelet would.
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "runner/backend/lab/capture_witness.h"
#include "runner/backend/lab/parallel.h"
#include "runner/backend/lab/world.h"
#include "runner/backend/yaml_objects.h"

namespace egressproof::backend::lab {
namespace {

using scenario::PodAct;
using std::chrono::milliseconds;

constexpr milliseconds command_limit{30000};
constexpr const char* documents_end = "---\n";

bool holds_proxy(const PodPlace& pod) {
  const auto& first = pod.tenant->first;
  return std::find(first.begin(), first.end(), PodAct::hold_proxy) != first.end();
}

}  // namespace

bool LabWorld::has_case_pods() const {
  return std::any_of(pods_.begin(), pods_.end(), [](const PodPlace& pod) { return pod.tenant.has_value(); });
}

const InjectedPod* LabWorld::injected(const PodPlace& pod) const {
  const auto found = injected_.find(pod.name);
  return found == injected_.end() ? nullptr : &found->second;
}

Result<void> LabWorld::make_case_pods() {
  if (!has_case_pods()) return {};
  if (auto done = inject_case_pods(); !done) return done;
  return in_parallel(pods_.size(), [&](std::size_t i) -> Result<void> {
    if (!pods_[i].tenant) return {};
    if (auto done = connect_pod(i); !done) return done;
    return write_identity(pods_[i]);
  });
}

Result<void> LabWorld::inject_case_pods() {
  const std::filesystem::path folder = folder_.path() / "injection";
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  std::string manifests;
  for (const PodPlace& pod : pods_)
    if (pod.tenant && pod.meshed) manifests += pod_manifest(pod).dump(2) + "\n" + documents_end;
  if (manifests.empty()) return {};  // none is in the mesh
  process::Command istioctl;
  istioctl.argv = {(settings_.toolchain / "istioctl").string(), "manifest", "generate", "--set", "profile=minimal"};
  const auto chart = process::run_checked(istioctl, command_limit);
  if (!chart) return tl::unexpected(chart.error());
  const auto made = injection_template(*chart);
  if (!made) return tl::unexpected(made.error());
  for (const auto& [name, text] : {std::pair{"template.yaml", made->config},
                                   {"values.json", made->values},
                                   {"mesh.yaml", injection_mesh_config(sidecar_files(folder_.path()))},
                                   {"pods.yaml", manifests}})
    if (auto written = write_file_atomically(folder / name, text); !written) return written;
  istioctl.argv = {istioctl.argv.front(), "kube-inject",
                   "--revision",          "default",
                   "--injectConfigFile",  (folder / "template.yaml").string(),
                   "--valuesFile",        (folder / "values.json").string(),
                   "--meshConfigFile",    (folder / "mesh.yaml").string(),
                   "--filename",          (folder / "pods.yaml").string()};
  // As the webhook does since Kubernetes 1.33 unless a pod says otherwise.
  istioctl.env = {{"ENABLE_NATIVE_SIDECARS", "true"}};
  const auto told = process::run_checked(istioctl, command_limit);
  if (!told) return tl::unexpected(told.error());
  if (auto written = write_file_atomically(folder / "injected.yaml", *told); !written) return written;
  const auto objects = parse_objects(*told);
  if (!objects) return tl::unexpected(objects.error());
  for (PodPlace& pod : pods_) {
    if (!pod.tenant || !pod.meshed) continue;
    const auto object = std::find_if(objects->begin(), objects->end(), [&](const Json& one) {
      const Json metadata = one.value("metadata", Json::object());
      return metadata.value("name", "") == pod_name(pod) && metadata.value("namespace", "") == pod.ns;
    });
    if (object == objects->end())
      return fail(ErrorKind::environment, "'istioctl kube-inject' lost the pod of " + pod.name);
    auto read = read_injected(*object, pod);
    if (!read) return tl::unexpected(read.error());
    pod.labels = read->labels;
    pod.meshed = read->proxy.has_value();
    if (!pod.meshed && read->init.empty()) continue;
    if (holds_proxy(pod) && (read->proxy_first || !pod.meshed))
      return fail(ErrorKind::scenario,
                  "pod of " + pod.name + ": as injected, its proxy is ready before the tenant's containers start");
    if (holds_proxy(pod)) out_of_service_.insert(pod.name);
    injected_.emplace(pod.name, std::move(*read));
  }
  return {};
}

process::Command LabWorld::container_command(std::size_t pod, const Container& container,
                                             std::vector<std::string> flags) const {
  flags.insert(flags.end(), {"--uid", std::to_string(container.uid), "--gid", std::to_string(container.gid)});
  for (const std::string& capability : container.capabilities) flags.insert(flags.end(), {"--capability", capability});
  const SidecarFiles files = sidecar_files(folder_.path());
  std::vector<std::string> argv{files.agent.string()};
  argv.insert(argv.end(), container.arguments.begin(), container.arguments.end());
  process::Command command = sandboxed(pod_ns_[pod], flags, argv);
  command.env = container.environment;
  for (const auto& [name, value] : image_environment(files)) command.env[name] = value;
  return command;
}

Result<void> LabWorld::run_init_containers(std::size_t i) {
  const InjectedPod* made = injected(pods_[i]);
  if (made == nullptr) return {};
  for (const Container& container : made->init) {
    process::Command command = container_command(i, container, {});
    command.env["XTABLES_LOCKFILE"] = "/dev/null";
    if (auto done = process::run_checked(command, command_limit); !done) return tl::unexpected(done.error());
  }
  if (watches_capture(pods_[i]))
    if (auto done = run_in(pod_ns_[i], nft_load_arguments(), capture_witness_ruleset()); !done) return done;
  // The lab's istiod speaks plain text. NONE is the zero of its enumeration, which the injector leaves out of
  // PROXY_CONFIG; the agent lays that over the mesh configuration that it finds in its file.
  const std::filesystem::path config = pod_folder(pods_[i]) / "etc/istio/config";
  // The volumes istio-podinfo and istio-envoy, which the proxy writes to.
  const std::filesystem::path folder = pod_folder(pods_[i]) / "etc/istio/pod";
  const std::filesystem::path scratch = pod_folder(pods_[i]) / "etc/istio/proxy";
  std::error_code code;
  for (const auto& one : {config, folder, scratch}) std::filesystem::create_directories(one, code);
  if (made->proxy &&
      ::chown(scratch.c_str(), static_cast<uid_t>(made->proxy->uid), static_cast<gid_t>(made->proxy->gid)) != 0)
    return tl::unexpected(system_error(ErrorKind::environment, "chown('" + scratch.string() + "')"));
  if (auto written = write_file_atomically(config / "mesh", R"({"defaultConfig": {"controlPlaneAuthPolicy": "NONE"}})");
      !written)
    return written;
  if (auto written = write_file_atomically(folder / "labels", downward_file(made->labels)); !written) return written;
  return write_file_atomically(folder / "annotations", downward_file(made->annotations));
}

}  // namespace egressproof::backend::lab
