// The time that all witnesses tell.
#pragma once

#include <chrono>

namespace egressproof {

// Since the Unix epoch, system clock.
inline std::chrono::microseconds clock_now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace egressproof
