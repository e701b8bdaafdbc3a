// Addresses and listening sockets.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace egressproof::target {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);  // as the kernel wants it where it fills the address in
  [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

// Family AF_UNSPEC: `host` is not an IP literal.
Address make_address(const std::string& host, std::uint16_t port);

// "192.0.2.1", "2001:db8::1"; canonical, so that two spellings of an address compare equal.
std::string host_of(const Address& address);
std::uint16_t port_of(const Address& address);
// "192.0.2.1:80", "[2001:db8::1]:80".
std::string text_of(const Address& address);

// `type` is SOCK_STREAM (then it listens) or SOCK_DGRAM, with flags. IPv6 sockets take IPv6 alone. The address need not
// exist yet. Errors: kind environment, naming address and port.
Result<UniqueFd> bind_to(const std::string& host, std::uint16_t port, int type);
Result<UniqueFd> bind_to(Address address, int type);

}  // namespace egressproof::target
