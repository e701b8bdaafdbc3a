#include "runner/cli/worlds.h"

#include <cstdlib>

#include "base/files.h"
#include "runner/backend/cluster/cluster.h"
#include "runner/backend/fake/fake.h"
#include "runner/backend/lab/lab.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/kind_world.h"
#include "runner/cli/suite_source.h"

namespace egressproof::cli {

namespace {

constexpr int pods_of_a_cluster = 30;

void add_cluster_options(CLI::App& app, WorldOptions& options) {
  const auto add = [&](const char* name, std::string& value, const char* help, const char* type) {
    return app.add_option(name, value, help)->type_name(type)->group("Cluster");
  };
  add("--kubectl", options.kubectl, "the program", "FILE")->capture_default_str();
  add("--kubeconfig", options.kubeconfig, "default: kubectl's own choice", "FILE");
  add("--context", options.context, "default: the current one", "NAME");
  add("--image", options.image, "image of probe and target, as the nodes can pull it", "REFERENCE");
  add("--istio-namespace", options.istio_namespace, "where istiod runs", "NAME")->capture_default_str();
  add("--istio-revision", options.istio_revision, "istio.io/rev of the run's namespaces", "NAME");
  add("--workload", options.workload, "what runs the probe", "knative|deployment")
      ->check(CLI::IsMember({"knative", "deployment"}).description(""))
      ->capture_default_str();
  app.add_option("--agents", options.agents, "pods a profile, spread over the nodes, that share its attempts")
      ->type_name("N")
      ->check(CLI::Range(1, 50).description(""))
      ->capture_default_str()
      ->group("Cluster");
  add("--dns", options.dns, "how pods resolve the suite's zones; existing: somebody else sees to it",
      "stub-domain|existing")
      ->check(CLI::IsMember({"stub-domain", "existing"}).description(""))
      ->capture_default_str();
}

void take_common(const WorldOptions& options, backend::cluster::WorldSettings& settings) {
  settings.interrupted = interrupted;
  settings.agents = options.agents;
  settings.check_network_policy = options.check_network_policy;
  settings.istio_namespace = options.istio_namespace;
  settings.istio_revision = options.istio_revision;
  settings.workload =
      options.workload == "knative" ? backend::cluster::Workload::knative : backend::cluster::Workload::deployment;
  settings.dns = options.dns == "existing" ? backend::cluster::Dns::existing : backend::cluster::Dns::stub_domain;
}

Result<std::unique_ptr<backend::Backend>> make_cluster(const WorldOptions& options, const std::string& run_id) {
  if (options.image.empty())
    return fail(
        ErrorKind::usage,
        "--backend cluster needs --image REFERENCE: the image of probe and target where the cluster's nodes can "
        "pull it (egressproof image --help tells how to make it)");
  backend::cluster::WorldSettings settings;
  settings.kubectl = options.kubectl;
  settings.kubeconfig = options.kubeconfig;
  settings.context = options.context;
  settings.image = options.image;
  settings.run_id = run_id;
  take_common(options, settings);
  return backend::cluster::make(settings);
}

Result<std::unique_ptr<backend::Backend>> make_kind(const WorldOptions& options, const std::string& run_id) {
  if (!options.image.empty() || !options.kubeconfig.empty() || !options.context.empty())
    return fail(ErrorKind::usage,
                "--image, --kubeconfig and --context go with --backend cluster; kind has its own of each");
  KindOptions kind = options.kind;
  kind.toolchain = options.toolchain;
  auto settings = kind_world(kind, run_id);
  if (!settings) return tl::unexpected(settings.error());
  take_common(options, *settings);
  return backend::cluster::make(*settings);
}

}  // namespace

void add_world_options(CLI::App& app, WorldOptions& options) {
  app.add_option("--backend", options.backend, "the world; cluster: kubectl's; default: lab")
      ->check(CLI::IsMember({"lab", "kind", "cluster", "fake"}).description(""))
      ->type_name("lab|kind|cluster|fake")
      ->group("World");
  app.add_option("--fake", options.fake_file, "faults of the fake world (JSON)")->type_name("FILE")->group("World");
  app.add_option("--toolchain", options.toolchain, "folder of the lab's istiod, pilot-agent and envoy")
      ->type_name("DIR")
      ->group("World");
  app.add_option("--pods-at-once", options.pods_at_once,
                 "what is more goes into further worlds, one after the other; 0: all in one; default: " +
                     std::to_string(pods_of_a_cluster) + " in a cluster, else 0")
      ->type_name("N")
      ->check(CLI::Range(0, 10000).description(""))
      ->group("World");
  add_kind_options(app, options.kind);
  add_cluster_options(app, options);
}

std::size_t pods_at_once(const WorldOptions& options) {
  if (options.pods_at_once >= 0) return static_cast<std::size_t>(options.pods_at_once);
  return options.backend == "kind" || options.backend == "cluster" ? pods_of_a_cluster : 0;
}

std::string default_toolchain() {
  if (const char* given = std::getenv("EGRESSPROOF_TOOLCHAIN"); given != nullptr && *given != '\0') return given;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string base =
      cache != nullptr && *cache != '\0' ? cache : std::string(home == nullptr ? "" : home) + "/.cache";
  return base + "/egressproof/istio-" EGRESSPROOF_ISTIO_VERSION;
}

std::string default_image() { return "kind.local/egressproof:" EGRESSPROOF_VERSION; }

std::string default_runner_image() { return "kind.local/egressproof-runner:" EGRESSPROOF_VERSION; }

Result<std::unique_ptr<backend::Backend>> make_backend(const WorldOptions& options, const std::string& run_id) {
  if (options.backend != "fake" && !options.fake_file.empty())
    return fail(ErrorKind::usage, "--fake goes with --backend fake");
  if (options.backend == "lab")
    return backend::lab::make(
        {program_folder(), options.toolchain.empty() ? default_toolchain() : options.toolchain, run_id});
  if (options.backend == "kind") return make_kind(options, run_id);
  if (options.backend == "cluster" && options.toolchain.empty()) return make_cluster(options, run_id);
  if (!options.toolchain.empty()) return fail(ErrorKind::usage, "--toolchain goes with --backend lab or kind");
  backend::fake::Faults faults;
  if (!options.fake_file.empty()) {
    const auto content = read_file(options.fake_file);
    if (!content) return fail(ErrorKind::usage, content.error().message);
    auto decoded = backend::fake::decode_faults(*content, options.fake_file);
    if (!decoded) return tl::unexpected(decoded.error());
    faults = std::move(*decoded);
  }
  return backend::fake::make(std::move(faults));
}

}  // namespace egressproof::cli
