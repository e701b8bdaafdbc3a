// The probe's event loop: all attempts of a batch, at most `parallel` of them in flight, on one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "probe/attempt.h"
#include "probe/observation.h"

namespace egressproof::probe {

struct EngineOptions {
  std::string ca_file;  // PEM of the fixtures' CA; empty: certificates are not verified
  int parallel = 32;
};

// Tells each observation once, in order of completion.
void run_attempts(const std::vector<Attempt>& attempts, const EngineOptions& options,
                  const std::function<void(const Observation&)>& tell);

// "" if this build can carry out the attempt, else why not.
std::string unsupported(const Attempt& attempt);

}  // namespace egressproof::probe
