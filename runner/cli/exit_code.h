// Exit codes for the verbs: those of a run, see runner/run/exit_code.h.
#pragma once

#include "base/result.h"
#include "runner/run/exit_code.h"

namespace egressproof::cli {

// Says the error on standard error ("egressproof: ...") and returns its exit code.
int fail_with(const Error& error);

}  // namespace egressproof::cli
