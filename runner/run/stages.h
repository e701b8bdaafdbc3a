// The steps of one run; pipeline.cpp knows their order.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runner/evidence/evidence.h"
#include "runner/run/canary.h"
#include "runner/run/pipeline.h"
#include "runner/run/turn.h"

namespace egressproof::run {

// The phases share the world, the clock of each phase and the wish to stop.
class Stages {
 public:
  Stages(const scenario::Suite& suite, const std::vector<scenario::Profile>& profiles,
         const std::vector<plan::ExtraProbe>& extra_probes, backend::Backend& backend, const Options& options,
         std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now())
      : suite_(suite),
        profiles_(profiles),
        extra_probes_(extra_probes),
        backend_(backend),
        options_(options),
        began_(began) {}

  // Runs `step` as `phase` unless an end was asked for; takes its time.
  template <class Step>
  Result<void> in(Phase phase, Step step) {
    if (auto stop = asked_to_stop("before phase '" + to_string(phase) + "'")) return tl::unexpected(*stop);
    return finish(phase, step);
  }

  // The same for what must be done in any case.
  template <class Step>
  Result<void> finish(Phase phase, Step step) {
    phase_ = phase;
    tell("");
    const auto begun = std::chrono::steady_clock::now();
    Result<void> done = step();
    seconds_[to_string(phase)] += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    return done;
  }

  Result<void> open();
  Result<void> before_any_policy();
  Result<void> apply();
  // Takes the listed canary's ServiceEntry away. With long-lived attempts in the plan these are open by then, and the
  // profiles' own changes are made at the same time.
  Result<void> revoke(const plan::Plan& plan);
  Result<void> controls(const plan::Plan& plan, const char* name, probe::Attempt plan::Control::*which);
  Result<void> probes(const plan::Plan& plan);
  Result<void> canaries_again();
  Result<void> collect(const plan::Plan& plan);
  Result<void> close();

  evidence::Collected collected;
  policy::Applied applied;
  std::unique_ptr<backend::World> world;
  backend::Versions versions;
  [[nodiscard]] const std::map<std::string, double>& seconds() const { return seconds_; }

 private:
  void tell(const std::string& detail) const {
    if (options_.on_phase) options_.on_phase(phase_, detail);
  }
  [[nodiscard]] std::optional<Error> asked_to_stop(const std::string& where) const;
  // Looks until the watch is complete, the limit passed, or an end is asked for.
  Result<void> follow(TurnWatch& watch, std::chrono::milliseconds limit);
  Result<policy::Applied> change(const policy::Generation& generation, TurnWatch& watch);
  Result<void> await_open(const std::set<std::string>& nonces);
  Result<void> watch_on(std::chrono::milliseconds cut_within);
  bool fetches_seen(const plan::Plan& plan, const target::Journal& journal,
                    const std::vector<policy::MeshRecord>& records) const;
  Result<void> make_change(const std::string& manifests);
  Result<void> send(const char* name, const std::map<std::string, std::vector<probe::Attempt>>& batches);

  const scenario::Suite& suite_;
  const std::vector<scenario::Profile>& profiles_;
  const std::vector<plan::ExtraProbe>& extra_probes_;
  backend::Backend& backend_;
  const Options& options_;
  std::chrono::steady_clock::time_point began_;
  Phase phase_ = Phase::open;
  std::map<std::string, double> seconds_;
  std::optional<CanaryRounds> canaries_;
  std::string manifests_;
};

}  // namespace egressproof::run
