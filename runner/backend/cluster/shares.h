// One batch over the several pods of a workload. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "probe/codec.h"

namespace egressproof::backend::cluster {

// Attempt k goes to pod (k + first) % pods: a pod that hangs costs every batch only its share. Some may be empty.
std::vector<std::vector<probe::Attempt>> shares_of(const std::vector<probe::Attempt>& attempts, std::size_t pods,
                                                   std::size_t first);

// Those that `result` has no observation of.
std::vector<probe::Attempt> unobserved(const std::vector<probe::Attempt>& attempts, const probe::BatchResult& result);

// The shares of one batch as one result: an observation that two tell is an error, and closed only if all are.
probe::BatchResult joined(std::vector<probe::BatchResult> shares);

}  // namespace egressproof::backend::cluster
