#include "probe/datagram_socket.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "probe/classify.h"
#include "probe/request.h"

namespace egressproof::probe {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address make_address(const std::string& text, std::uint16_t port) {
  Address made;
  auto* four = reinterpret_cast<sockaddr_in*>(&made.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&made.storage);
  if (::inet_pton(AF_INET, text.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    made.size = sizeof *four;
  } else if (::inet_pton(AF_INET6, text.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    made.size = sizeof *six;
  }
  return made;
}

std::string local_end(int fd) {
  Address own;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getsockname(fd, own.raw(), &own.size) != 0) return {};
  const auto* four = reinterpret_cast<const sockaddr_in*>(&own.storage);
  const auto* six = reinterpret_cast<const sockaddr_in6*>(&own.storage);
  const bool v6 = own.storage.ss_family == AF_INET6;
  ::inet_ntop(own.storage.ss_family, v6 ? static_cast<const void*>(&six->sin6_addr) : &four->sin_addr, text.data(),
              text.size());
  return end_of(text.data(), ntohs(v6 ? six->sin6_port : four->sin_port));
}

Unopened failed(const char* call, int error) {
  const bool forbidden = error == EPERM || error == EACCES;
  return {forbidden ? Code::unsupported : classify_errno(Stage::connect, error),
          std::string(call) + ": " + std::strerror(error)};
}

// Connected, so that its end is known at once and ICMP errors come back to it.
class Connected : public DatagramSocket {
 public:
  explicit Connected(std::string bytes) : bytes_(std::move(bytes)) {}
  // Nothing: it is open.
  std::optional<Unopened> open(const std::string& address, std::uint16_t port, int protocol) {
    Address peer = make_address(address, port);
    fd_.reset(::socket(peer.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (!fd_.valid()) return failed("socket", errno);
    if (::connect(fd_.get(), peer.raw(), peer.size) != 0) return failed("connect", errno);
    local_ = local_end(fd_.get());
    return std::nullopt;
  }
  int send() override { return ::send(fd_.get(), bytes_.data(), bytes_.size(), MSG_NOSIGNAL) < 0 ? errno : 0; }

 protected:
  std::string bytes_;
};

class Udp : public Connected {
 public:
  using Connected::Connected;
  Arrived received(std::string_view bytes, std::string& payload) override {
    payload = bytes;
    return find_answer(payload) ? Arrived::answer : Arrived::nothing;
  }
};

// The kernel fills in checksum and identifier, and gives back the replies to this identifier alone.
class Echo : public Connected {
 public:
  Echo(bool v6, const std::string& payload) : Connected({}), reply_(v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) {
    std::array<char, header_size> header{};
    header[0] = static_cast<char>(v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
    bytes_.assign(header.begin(), header.end());
    bytes_ += payload;
  }
  Arrived received(std::string_view bytes, std::string& payload) override {
    if (bytes.size() < header_size || static_cast<unsigned char>(bytes[0]) != reply_) return Arrived::nothing;
    payload = bytes.substr(header_size);
    return payload == bytes_.substr(header_size) ? Arrived::answer : Arrived::nothing;
  }

 private:
  static constexpr std::size_t header_size = 8;
  const unsigned reply_;
};

// Whatever is sent as a protocol of its own above IPv4. The kernel makes the IP header. Not connected: an ICMP error
// for a protocol that the other end does not know is none of its business.
class Raw : public DatagramSocket {
 public:
  Raw(std::string bytes, const std::string& address) : bytes_(std::move(bytes)), peer_(make_address(address, 0)) {}
  std::optional<Unopened> open(int protocol) {
    if (peer_.storage.ss_family != AF_INET) return Unopened{Code::unsupported, "ip is IPv4 alone"};
    fd_.reset(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    return fd_.valid() ? std::nullopt : std::optional(failed("socket(SOCK_RAW)", errno));
  }
  int send() override {
    return ::sendto(fd_.get(), bytes_.data(), bytes_.size(), MSG_NOSIGNAL, peer_.raw(), peer_.size) < 0 ? errno : 0;
  }
  Arrived received(std::string_view, std::string&) override { return Arrived::nothing; }

 private:
  std::string bytes_;
  Address peer_;
};

}  // namespace

std::string end_of(const std::string& address, unsigned port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

tl::expected<std::unique_ptr<DatagramSocket>, Unopened> open_datagrams(const Attempt& attempt,
                                                                       const std::string& address) {
  if (attempt.protocol == Protocol::syn) return open_packet_syn(attempt, address);
  const std::string payload = fill_nonce(attempt.payload, attempt.nonce);
  if (attempt.protocol == Protocol::ip) {
    auto raw = std::make_unique<Raw>(payload, address);
    if (const auto why = raw->open(attempt.ip_protocol)) return tl::unexpected(*why);
    return raw;
  }
  const bool v6 = address.find(':') != std::string::npos;
  const bool udp = attempt.protocol == Protocol::udp;
  std::unique_ptr<Connected> made;
  if (udp)
    made = std::make_unique<Udp>(payload);
  else
    made = std::make_unique<Echo>(v6, payload);
  const int protocol = udp ? IPPROTO_UDP : v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
  if (const auto why = made->open(address, attempt.port, protocol)) return tl::unexpected(*why);
  return made;
}

}  // namespace egressproof::probe
