// UDP fixtures: each datagram is a receipt before it is answered.
#pragma once

#include <functional>
#include <string>

#include "target/codec.h"
#include "target/journal.h"

namespace egressproof::target {

// Owner of a local address as host_of() writes it; nullptr: no fixture.
using Owner = std::function<const Fixture*(const std::string&)>;

// Takes one datagram off a non-blocking socket of a fixture's port and answers it from there. False: there is none.
bool answer_datagram(int socket, const Fixture& fixture, JournalWriter& journal);

// A socket for datagrams to all ports, see Config::udp_redirect_port. Errors: kind environment.
Result<UniqueFd> bind_to_every_udp_port(const std::string& host, std::uint16_t port);

// The same for such a socket: the owner is found by the original destination, which the answer comes from.
bool answer_redirected_datagram(int socket, const Owner& owner, JournalWriter& journal);

}  // namespace egressproof::target
