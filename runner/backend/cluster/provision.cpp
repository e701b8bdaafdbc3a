#include "runner/backend/cluster/provision.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>

#include "base/crypto.h"
#include "base/files.h"
#include "base/unique_fd.h"
#include "runner/backend/cluster/diagnostics.h"
#include "runner/backend/cluster/provision_steps.h"
#include "runner/backend/cluster/readiness.h"
#include "runner/backend/cluster/redact.h"

namespace egressproof::backend::cluster {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// In kube-system: step -> hash of its inputs, once it was ready. It goes with the cluster, so it never speaks of
// another.
constexpr const char* marks_name = "egressproof-provision";

milliseconds since(Clock::time_point begun) { return std::chrono::duration_cast<milliseconds>(Clock::now() - begun); }

std::string seconds_of(milliseconds time) {
  return time < std::chrono::seconds(1) ? std::to_string(time.count()) + " ms"
                                        : std::to_string((time.count() + 500) / 1000) + " s";
}

// One call at a time for one cluster.
Result<UniqueFd> lock(const fs::path& folder, const std::string& cluster) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return fail(ErrorKind::environment, "cannot make folder '" + folder.string() + "': " + error.message());
  const fs::path path = folder / "lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return tl::unexpected(system_error(ErrorKind::environment, "open('" + path.string() + "')"));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorKind::environment, "another 'egressproof kind' works on cluster '" + cluster + "' (it holds '" +
                                            path.string() + "'); wait for it or end it");
  return fd;
}

std::array<Step, 6> all_steps(const Site& site) {
  return {cluster_step(site), network_step(site), images_step(site),
          istio_step(site),   knative_step(site), ready_step(site)};
}

class Run {
 public:
  Run(const ProvisionOptions& options, const Site& site) : options_(options), site_(site) {}

  Result<void> take(const Step& step) {
    const auto begun = Clock::now();
    tell(step, StepState::started, "", begun);
    auto done = carry_out(step, begun);
    if (!done) {
      done.error().message = without_secrets(std::move(done.error().message));  // words of other programs
      done.error().context.push_back("while provisioning, step '" + step.name + "'");
      tell(step, StepState::failed, done.error().message, begun);
    }
    return done;
  }

 private:
  void tell(const Step& step, StepState state, const std::string& detail, Clock::time_point begun) const {
    if (options_.on_event) options_.on_event({step.name, state, detail, since(begun)});
  }

  Result<void> carry_out(const Step& step, Clock::time_point begun) {
    if (site_.interrupted()) return interrupted();
    std::string hash;
    if (step.inputs) {
      const auto inputs = step.inputs();
      if (!inputs) return tl::unexpected(inputs.error());
      hash = sha256_hex(*inputs);
      const auto marked = mark_of(step.name);
      if (!marked) return tl::unexpected(marked.error());
      if (*marked == hash) {
        const auto now = step.awaited();
        if (now && now->reason.empty()) {
          tell(step, StepState::kept, "", begun);
          return {};
        }
        // Done once, and on its way back (the node was restarted): doing it again would only take longer.
        if (now && now->there) return await(step, begun, StepState::kept);
      }
    } else if (const auto now = step.awaited(); now && now->reason.empty()) {
      tell(step, StepState::kept, "", begun);
      return {};
    }
    if (auto done = step.act(); !done) return explained(done.error(), step);
    if (auto ready = await(step, begun, StepState::done); !ready) return ready;
    return hash.empty() ? Result<void>() : mark(step.name, hash);
  }

  // Polls; what was awaited last is what the deadline tells.
  Result<void> await(const Step& step, Clock::time_point begun, StepState as) {
    const auto from = Clock::now();
    std::string told;
    for (;;) {
      const auto now = step.awaited();
      if (now && now->reason.empty()) {
        tell(step, as, "", begun);
        return {};
      }
      const std::string reason = now ? now->reason : now.error().message;
      if (reason != told) tell(step, StepState::waiting, told = reason, begun);
      if (site_.interrupted()) return interrupted();
      if (since(from) >= step.limit)
        return explained({ErrorKind::environment, "not within " + seconds_of(step.limit) + ": awaited " + reason, {}},
                         step);
      ::poll(nullptr, 0, static_cast<int>(options_.poll_every.count()));
    }
  }

  Result<void> explained(Error error, const Step& step) const {
    if (error.kind != ErrorKind::interrupted && !step.namespaces.empty())
      error.message += why_not_ready(site_.kubectl(), step.namespaces);
    return tl::unexpected(std::move(error));
  }
  static Result<void> interrupted() {
    return fail(ErrorKind::interrupted, "interrupted; 'egressproof kind up' goes on from here");
  }

  Result<std::string> mark_of(const std::string& step) {
    const auto text = site_.kubectl().run(
        {"get", "configmap", marks_name, "--namespace", "kube-system", "--ignore-not-found", "--output", "json"});
    if (!text) return text;
    const Json marks = Json::parse(text->empty() ? "{}" : *text, nullptr, false);
    return text_of(marks, "data/" + step);
  }
  // Merged by the API server: steps own their keys alone.
  [[nodiscard]] Result<void> mark(const std::string& step, const std::string& hash) const {
    const Json map = {{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"metadata", {{"name", marks_name}, {"namespace", "kube-system"}}},
                      {"data", {{step, hash}}}};
    const auto done = site_.kubectl().run({"apply", "--server-side", "--force-conflicts", "--field-manager",
                                           std::string(field_manager) + "-" + step, "--filename", "-"},
                                          map.dump());
    if (!done) return tl::unexpected(done.error());
    return {};
  }

  const ProvisionOptions& options_;
  const Site& site_;
};

}  // namespace

fs::path default_state_folder(const std::map<std::string, std::string>& environment, const std::string& cluster) {
  const auto value = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  const fs::path base =
      value("XDG_CACHE_HOME").empty() ? fs::path(value("HOME")) / ".cache" : fs::path(value("XDG_CACHE_HOME"));
  return base / "egressproof" / "kind" / cluster;
}

fs::path kubeconfig_of(const fs::path& state_folder) { return state_folder / "kubeconfig"; }

Result<void> provision(const ProvisionOptions& options, const Tools& tools) {
  const auto engine = ask_engine(tools);
  if (!engine) return tl::unexpected(engine.error());
  if (const auto problem = engine_problem(*engine, options.settings.cluster.kind_config))
    return fail(ErrorKind::environment, *problem);
  const auto locked = lock(options.state_folder, options.settings.cluster.name);
  if (!locked) return tl::unexpected(locked.error());
  const Site site(options, tools);
  Run run(options, site);
  for (const Step& step : all_steps(site))
    if (auto done = run.take(step); !done) return done;
  return {};
}

Result<std::vector<StepStatus>> provision_status(const ProvisionOptions& options, const Tools& tools) {
  const auto engine = ask_engine(tools);
  if (!engine) return tl::unexpected(engine.error());
  const Site site(options, tools);
  std::vector<StepStatus> all;
  bool reachable = true;
  for (const Step& step : all_steps(site)) {
    StepStatus status{step.name, false, "there is no cluster to ask"};
    if (reachable) {
      const auto now = step.awaited();
      status.ready = now && now->reason.empty();
      status.detail = now ? now->reason : now.error().message;
      if (step.name == "cluster") reachable = status.ready;
    }
    all.push_back(std::move(status));
  }
  return all;
}

Result<bool> take_down(const ProvisionOptions& options, const Tools& tools, bool force) {
  const auto locked = lock(options.state_folder, options.settings.cluster.name);
  if (!locked) return tl::unexpected(locked.error());
  const Site site(options, tools);
  const std::string& name = options.settings.cluster.name;
  const auto known = is_known(site);
  if (!known) return tl::unexpected(known.error());
  std::error_code ignored;
  const bool ours = fs::exists(site.folder() / made_file, ignored) || fs::exists(site.folder() / making_file, ignored);
  if (*known && !ours && !force)
    return fail(ErrorKind::usage,
                "cluster '" + name + "' was not made by 'egressproof kind up'; --force deletes it all the same");
  if (*known)
    if (auto done = site.carry_out(
            tools.kind({"delete", "cluster", "--name", name, "--kubeconfig", kubeconfig_of(site.folder()).string()}),
            options.settings.deadlines.cluster, "down");
        !done)
      return tl::unexpected(done.error());
  fs::remove_all(options.state_folder, ignored);
  return *known;
}

}  // namespace egressproof::backend::cluster
