// The only file that knows the order: plan -> apply -> in force -> controls -> probes -> controls -> evidence ->
// verdict -> report.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "runner/backend/backend.h"
#include "runner/plan/plan.h"
#include "runner/report/report.h"

namespace egressproof::run {

enum class Phase { open, canary, apply, controls_before, probes, controls_after, revocation, collect, close };
std::string to_string(Phase phase);

struct Options {
  std::string run_id;
  bool keep = false;
  // A phase begins, or (the same phase again) makes a step that `detail` tells. Known-answer tests hook in here.
  std::function<void(Phase, const std::string& detail)> on_phase;
  // The signal that asks for an early end (SIGINT, SIGTERM), or 0. Polled between phases and while waiting.
  std::function<int()> interrupted;
  // Where the world's work folder is, once the world is open and if it has one.
  std::function<void(const std::string& folder)> on_folder;
  // The world, once it is open; borrowed until the phase `close`.
  std::function<void(backend::World&)> on_world;
  // Ends the run before the probes if a control failed whose target is not meant to be out of order.
  bool stop_at_failed_control = false;
  // How long the canaries may take to turn after a change.
  std::chrono::milliseconds enforcement_limit{10000};
  // For the whole run; passed: aborted with exit code 4. 0: none.
  std::chrono::milliseconds deadline{0};
  // What is more goes into further worlds, one after the other (plan::in_parts). 0: all in one.
  std::size_t pods_at_once = 0;
  // One of several worlds begins, counted from 1, with the profiles whose cells it has.
  std::function<void(std::size_t number, std::size_t of, const std::vector<std::string>& profiles)> on_part;
};

// A report whatever happens: a failure ends up in Report::aborted and exit_code.
report::Report execute(const scenario::Suite& suite, const plan::Plan& plan, backend::Backend& backend,
                       const Options& options);

// The report of a run that could not even begin.
report::Report not_started(const std::string& backend, const std::string& seed, const Options& options,
                           const Error& error);

// A world with the profiles' policies applied and in force.
struct Ready {
  std::unique_ptr<backend::World> world;
  policy::Applied applied;
};

// The first half of execute(): open, canaries before any policy, apply, in force. Profiles whose canaries did not turn
// are told by Applied, not by an error.
Result<Ready> bring_up(const scenario::Suite& suite, const std::vector<scenario::Profile>& profiles,
                       backend::Backend& backend, const Options& options);

}  // namespace egressproof::run
