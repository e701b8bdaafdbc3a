#include "target/datagrams.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "target/recorder.h"
#include "target/socket.h"

namespace egressproof::target {
namespace {

constexpr std::size_t largest_datagram = 65535;

// The answer; "": none may or shall be given.
std::string witness(std::string_view bytes, const Address& local, const Address& peer, const Fixture& fixture,
                    JournalWriter& journal) {
  Recorder recorder({0, text_of(local), text_of(peer)}, fixture, journal);
  Receipt made = recorder.payload_receipt(bytes, bytes);
  made.transport = "udp";
  const auto line = recorder.answer(made);
  return line && !fixture.udp_silent ? *line : std::string();
}

// From the control messages; family AF_UNSPEC: the kernel did not tell.
Address original_destination(msghdr& message) {
  Address found;
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    const bool v4 = one->cmsg_level == SOL_IP && one->cmsg_type == IP_RECVORIGDSTADDR;
    const bool v6 = one->cmsg_level == SOL_IPV6 && one->cmsg_type == IPV6_RECVORIGDSTADDR;
    if (!v4 && !v6) continue;
    found.size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::memcpy(&found.storage, CMSG_DATA(one), found.size);
  }
  return found;
}

// A socket for one answer, as the port that the peer knows is not the one that receives.
void send_from(const Address& local, Address& peer, const std::string& bytes) {
  const auto fd = bind_to(local, SOCK_DGRAM);
  if (fd) ::sendto(fd->get(), bytes.data(), bytes.size(), MSG_DONTWAIT, peer.raw(), peer.size);
}

}  // namespace

bool answer_datagram(int socket, const Fixture& fixture, JournalWriter& journal) {
  std::string bytes(largest_datagram, '\0');
  Address peer;
  Address local;
  const ssize_t got = ::recvfrom(socket, bytes.data(), bytes.size(), MSG_DONTWAIT, peer.raw(), &peer.size);
  if (got < 0) return false;
  bytes.resize(static_cast<std::size_t>(got));
  ::getsockname(socket, local.raw(), &local.size);
  const std::string answer = witness(bytes, local, peer, fixture, journal);
  if (!answer.empty()) ::sendto(socket, answer.data(), answer.size(), MSG_DONTWAIT, peer.raw(), peer.size);
  return true;
}

Result<UniqueFd> bind_to_every_udp_port(const std::string& host, std::uint16_t port) {
  auto fd = bind_to(host, port, SOCK_DGRAM);
  if (!fd) return fd;
  const int on = 1;
  const bool v6 = host.find(':') != std::string::npos;
  if (::setsockopt(fd->get(), v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on, sizeof on) != 0 ||
      ::setsockopt(fd->get(), v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVORIGDSTADDR : IP_RECVORIGDSTADDR, &on, sizeof on) !=
          0)
    return tl::unexpected(system_error(ErrorKind::environment, "setsockopt(IP_TRANSPARENT, '" + host + "')"));
  return fd;
}

bool answer_redirected_datagram(int socket, const Owner& owner, JournalWriter& journal) {
  std::string bytes(largest_datagram, '\0');
  Address peer;
  alignas(cmsghdr) std::array<char, 256> control{};
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_name = &peer.storage;
  message.msg_namelen = peer.size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT);
  if (got < 0) return false;
  bytes.resize(static_cast<std::size_t>(got));
  peer.size = message.msg_namelen;
  const Address local = original_destination(message);
  const Fixture* fixture = owner(host_of(local));
  if (fixture == nullptr || !fixture->every_port) return true;
  const std::string answer = witness(bytes, local, peer, *fixture, journal);
  if (!answer.empty()) send_from(local, peer, answer);
  return true;
}

}  // namespace egressproof::target
