// A fixture that forwards for others, as a pod without a sidecar may: it understands nothing and writes nothing down.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "target/codec.h"

namespace egressproof::target {

// Connections that the relays of one process have at one time; more are closed. A fixture answers hundreds of clients,
// and this one has a thread and two descriptors for each.
inline constexpr int most_relayed = 256;

// Whether the fixture's `relays_to`, if it has one, can be served. Errors: kind usage, naming the fixture.
Result<void> check_relay(const Fixture& fixture);

// One accepted connection of a fixture with `relays_to`: all bytes go as they are to `port` there, and back, and the
// end of one direction is passed on while the other goes on. The connection out comes from the fixture's own first
// address: that is the peer of the receipt there. `client` stays the caller's; shutting it down ends the call. Returns
// when both directions ended, one of the connections broke or nothing moved for `idle`. Errors: kind environment, where
// there was no connection out.
Result<void> relay(int client, const Fixture& fixture, std::uint16_t port, std::chrono::milliseconds idle);

}  // namespace egressproof::target
