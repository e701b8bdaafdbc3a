// The only file that knows the order: plan -> apply -> in force -> controls -> probes -> controls -> evidence ->
// verdict -> report.
#pragma once

#include <functional>
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
  std::function<void(Phase, const std::string& detail)>
      on_phase;                       // begins; progress and known-answer tests hook in here
  std::function<bool()> interrupted;  // polled between phases
};

// A report whatever happens: a failure ends up in Report::aborted and exit_code.
report::Report execute(const scenario::Suite& suite, const plan::Plan& plan, backend::Backend& backend,
                       const Options& options);

}  // namespace egressproof::run
