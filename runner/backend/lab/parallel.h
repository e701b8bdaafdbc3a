// One step of work for many pods at once.
#pragma once

#include <cstddef>
#include <functional>

#include "base/result.h"

namespace egressproof::backend::lab {

// Runs work(0) ... work(count - 1) in a few threads; all have ended on return. Error: the one of the lowest number.
Result<void> in_parallel(std::size_t count, const std::function<Result<void>(std::size_t)>& work);

}  // namespace egressproof::backend::lab
