#include "runner/backend/lab/lanes.h"

#include <algorithm>

#include "runner/backend/batch_limit.h"

namespace egressproof::backend::lab {
namespace {
using std::chrono::milliseconds;
constexpr milliseconds slack{20000};
}  // namespace

std::map<std::string, int> lanes_of(const Batches& batches, int in_flight) {
  std::size_t all = 0;
  for (const auto& [name, attempts] : batches) all += attempts.size();
  std::map<std::string, int> lanes;
  for (const auto& [name, attempts] : batches) {
    const auto share =
        static_cast<std::size_t>(std::max(in_flight, 0)) * attempts.size() / std::max<std::size_t>(all, 1);
    const auto long_lived = std::count_if(attempts.begin(), attempts.end(),
                                          [](const probe::Attempt& one) { return one.ticks.has_value(); });
    lanes[name] = std::max(std::clamp(static_cast<int>(share), least_lanes, most_lanes), static_cast<int>(long_lived));
  }
  return lanes;
}

milliseconds limit_of(const Batches& batches, const std::map<std::string, int>& lanes) {
  milliseconds most{0};
  for (const auto& [name, attempts] : batches) {
    const auto rounds = static_cast<int>(attempts.size()) / lanes.at(name);
    milliseconds lasting{0};
    for (const probe::Attempt& one : attempts)
      if (one.ticks) lasting = std::max(lasting, one.ticks->lasting);
    most = std::max(most, lasting + longest_attempt * rounds);
  }
  return slack + most;
}

}  // namespace egressproof::backend::lab
