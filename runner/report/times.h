// How long things took, as text.
#pragma once

#include <iosfwd>

#include "runner/report/report.h"

namespace egressproof::report {

// Of the turns that were seen; time from the change to the first attempt that saw the new behaviour.
struct TurnTimes {
  std::size_t seen = 0;
  std::chrono::microseconds p50{0}, p99{0}, max{0};  // nearest rank
  std::string slowest;                               // profile
  std::vector<std::string> not_seen;                 // profiles
  std::vector<std::string> lost;                     // profiles where it was seen wrong again after the probes
};
TurnTimes turn_times(const std::vector<policy::CanaryTurn>& turns);

// Phases of the run; per generation the barrier, enforcement, admission and revocation.
void write_times(const Report& report, std::size_t width, std::ostream& out);

}  // namespace egressproof::report
