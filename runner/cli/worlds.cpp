#include "runner/cli/worlds.h"

#include <cstdlib>

#include "base/files.h"
#include "runner/backend/fake/fake.h"
#include "runner/backend/lab/lab.h"
#include "runner/cli/suite_source.h"

namespace egressproof::cli {

void add_world_options(CLI::App& app, WorldOptions& options) {
  app.add_option("--backend", options.backend, "lab: real istiod, Envoy and iptables in namespaces; fake: in memory")
      ->check(CLI::IsMember({"lab", "fake"}).description(""))
      ->type_name("lab|fake")
      ->capture_default_str()
      ->group("World");
  app.add_option("--fake", options.fake_file, "faults of the fake world (JSON)")->type_name("FILE")->group("World");
  app.add_option("--toolchain", options.toolchain, "folder of the lab's istiod, pilot-agent and envoy")
      ->type_name("DIR")
      ->group("World");
}

std::string default_toolchain() {
  if (const char* given = std::getenv("EGRESSPROOF_TOOLCHAIN"); given != nullptr && *given != '\0') return given;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string base =
      cache != nullptr && *cache != '\0' ? cache : std::string(home == nullptr ? "" : home) + "/.cache";
  return base + "/egressproof/istio-" EGRESSPROOF_ISTIO_VERSION;
}

Result<std::unique_ptr<backend::Backend>> make_backend(const WorldOptions& options, const std::string& run_id) {
  if (options.backend == "lab" && !options.fake_file.empty())
    return fail(ErrorKind::usage, "--fake goes with --backend fake");
  if (options.backend == "lab")
    return backend::lab::make(
        {program_folder(), options.toolchain.empty() ? default_toolchain() : options.toolchain, run_id});
  if (!options.toolchain.empty()) return fail(ErrorKind::usage, "--toolchain goes with --backend lab");
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
