#include <unistd.h>

#include "runner/backend/lab/lab.h"
#include "runner/backend/lab/world.h"

namespace egressproof::backend::lab {
namespace {

class LabBackend : public Backend {
 public:
  explicit LabBackend(Settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] std::string name() const override { return "lab"; }

  Result<plan::Capabilities> detect() override {
    if (::geteuid() != 0)
      return fail(ErrorKind::environment,
                  "the lab needs root: it makes network namespaces and loads packet filter rules");
    for (const char* program : {"lab-istiod", "pilot-agent", "envoy", "envoy_bootstrap.json"})
      if (!std::filesystem::exists(settings_.toolchain / program))
        return fail(ErrorKind::environment, "the lab's toolchain lacks '" + (settings_.toolchain / program).string() +
                                                "': run 'make setup' (or name its folder with --toolchain)");
    for (const char* program : {"egressproof-sandbox", "egressproof-target", "egressproof-probe"})
      if (!std::filesystem::exists(settings_.programs / program))
        return fail(ErrorKind::environment,
                    "'" + (settings_.programs / program).string() + "' is missing: run 'make build'");
    if (auto tried = Netns::create(); !tried) return tl::unexpected(tried.error());
    return plan::Capabilities{"lab", {"netns"}};
  }

  Result<std::unique_ptr<World>> open(const Blueprint& blueprint, const Progress& progress) override {
    if (auto cleaned = clean_leftovers(); !cleaned) return tl::unexpected(cleaned.error());
    return LabWorld::open(settings_, blueprint, progress);
  }

 private:
  Settings settings_;
};

}  // namespace

std::unique_ptr<Backend> make(const Settings& settings) { return std::make_unique<LabBackend>(settings); }

}  // namespace egressproof::backend::lab
