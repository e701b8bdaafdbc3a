// What keeps a world of many pods quick on few processors. All probes of a world share this machine's processors with
// the proxies and the targets: what is begun at once must be answered within the attempts' own limits. Pure.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "probe/attempt.h"

namespace egressproof::backend::lab {

// Of one probe. The least is what lets one that waits for a time-out not hold up all others of its pod.
inline constexpr int least_lanes = 3, most_lanes = 32;
inline constexpr int in_flight_a_processor = 100;  // of all probes together

// Of the processor, as in nice(1). All proxies wait for the targets, several for one gateway, and a probe's own clock
// ends its attempts: neither may wait behind a hundred proxies.
inline constexpr int target_priority = -10, probe_priority = -5, gateway_priority = -5;

using Batches = std::map<std::string, std::vector<probe::Attempt>>;

// By probe: `in_flight` shared out by the sizes of the batches, within these bounds; never less than
// there are long-lived attempts in it, which must be open all at once.
std::map<std::string, int> lanes_of(const Batches& batches, int in_flight);

// What the whole may take if each attempt takes as long as the default limits, or its ticks, allow.
std::chrono::milliseconds limit_of(const Batches& batches, const std::map<std::string, int>& lanes);

}  // namespace egressproof::backend::lab
