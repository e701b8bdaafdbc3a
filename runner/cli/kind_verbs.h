// The verbs of `kind`. Each returns the exit code.
#pragma once

#include "runner/cli/kind.h"

namespace egressproof::cli {

int kind_up(const KindOptions& options);
int kind_status(const KindOptions& options);
int kind_down(const KindOptions& options);
int kind_diagnose(const KindOptions& options);

}  // namespace egressproof::cli
