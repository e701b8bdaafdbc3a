// What the programs of the user's scripts see; docs/report-format.md.
#pragma once

#include <csignal>

#include "base/result.h"

namespace egressproof::run {

enum ExitCode : int {
  exit_matched = 0,       // every selected cell ran and matched; at least one ran
  exit_mismatch = 1,      // a cell differs from its expectation
  exit_usage = 2,         // the command line or a scenario file is wrong
  exit_environment = 3,   // the world could not be built, a resource was rejected, a path was broken
  exit_inconclusive = 4,  // an inconclusive or erroneous cell, lost receipts, or the run's deadline passed
  exit_nothing_ran = 5,
  exit_internal = 70,
  exit_signal_base = 128  // + the signal that interrupted: 130 SIGINT, 143 SIGTERM
};

constexpr int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::scenario:
      return exit_usage;
    case ErrorKind::environment:
      return exit_environment;
    case ErrorKind::inconclusive:
      return exit_inconclusive;
    case ErrorKind::interrupted:
      return exit_signal_base + SIGINT;
    case ErrorKind::internal:
      return exit_internal;
  }
  return exit_internal;
}

}  // namespace egressproof::run
