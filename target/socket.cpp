#include "target/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>

namespace egressproof::target {
namespace {

constexpr int backlog = 1024;
// Bytes. Hundreds of clients ask at one moment; a query that is lost costs a proxy's resolver five seconds.
constexpr int datagram_buffer = 4 << 20;

const sockaddr_in& v4_of(const Address& address) { return reinterpret_cast<const sockaddr_in&>(address.storage); }
const sockaddr_in6& v6_of(const Address& address) { return reinterpret_cast<const sockaddr_in6&>(address.storage); }

}  // namespace

Address make_address(const std::string& host, std::uint16_t port) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
  }
  return address;
}

std::string host_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.storage.ss_family == AF_INET)
    ::inet_ntop(AF_INET, &v4_of(address).sin_addr, text.data(), text.size());
  else if (address.storage.ss_family == AF_INET6)
    ::inet_ntop(AF_INET6, &v6_of(address).sin6_addr, text.data(), text.size());
  return text.data();
}

std::uint16_t port_of(const Address& address) {
  return ntohs(address.storage.ss_family == AF_INET6 ? v6_of(address).sin6_port : v4_of(address).sin_port);
}

std::string text_of(const Address& address) {
  const std::string host = host_of(address);
  const std::string port = std::to_string(port_of(address));
  return address.storage.ss_family == AF_INET6 ? "[" + host + "]:" + port : host + ":" + port;
}

Result<UniqueFd> bind_to(const std::string& host, std::uint16_t port, int type) {
  const Address address = make_address(host, port);
  if (address.storage.ss_family == AF_UNSPEC)
    return fail(ErrorKind::environment, "bind('" + host + "', " + std::to_string(port) + "): not an IP address");
  return bind_to(address, type);
}

Result<UniqueFd> bind_to(Address address, int type) {
  const int family = address.storage.ss_family;
  UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // As much as is allowed: all of it needs CAP_NET_ADMIN.
  if (type == SOCK_DGRAM &&
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &datagram_buffer, sizeof datagram_buffer) != 0)
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &datagram_buffer, sizeof datagram_buffer);
  if (family == AF_INET6) {
    ::setsockopt(fd.get(), SOL_IPV6, IPV6_V6ONLY, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_IPV6, IPV6_FREEBIND, &on, sizeof on);
  } else {
    ::setsockopt(fd.get(), SOL_IP, IP_FREEBIND, &on, sizeof on);
  }
  if (!fd.valid() || ::bind(fd.get(), address.raw(), address.size) != 0 ||
      ((type & SOCK_STREAM) == SOCK_STREAM && ::listen(fd.get(), backlog) != 0))
    return tl::unexpected(system_error(ErrorKind::environment, "bind('" + text_of(address) + "')"));
  return fd;
}

}  // namespace egressproof::target
