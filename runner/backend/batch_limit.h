// How long a batch of attempts may take.
#pragma once

#include "probe/attempt.h"

namespace egressproof::backend {

// An attempt with the limits that it has by default, if each of its stages takes all of its own.
inline constexpr std::chrono::milliseconds longest_attempt = probe::StageLimits{}.resolve +
                                                             probe::StageLimits{}.connect + probe::StageLimits{}.tls +
                                                             probe::StageLimits{}.response;

}  // namespace egressproof::backend
