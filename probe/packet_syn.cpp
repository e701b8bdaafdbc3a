// A SYN that the probe makes itself and sends past the kernel's IP layer: no packet filter rule of the pod sees it. It
// carries the payload, as RFC 9293 (3.4) allows; a listener that does not take data with a SYN acknowledges the SYN
// alone.
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "probe/datagram_socket.h"
#include "probe/request.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t ip_size = 20, tcp_size = 20;
constexpr unsigned char syn = 0x02, rst = 0x04, ack = 0x10;
constexpr std::size_t protocol_at = 9, flags_at = 13;
using Mac = std::array<unsigned char, ETH_ALEN>;

struct Route {
  std::string interface;
  in_addr gateway{};  // of a neighbour: itself
};

// From /proc/net/route, whose addresses are the bytes of the network in the machine's own order.
std::optional<Route> route_to(in_addr destination) {
  std::ifstream table("/proc/net/route");
  std::string line;
  std::getline(table, line);
  std::optional<Route> best;
  std::uint32_t best_mask = 0;
  while (std::getline(table, line)) {
    std::istringstream words(line);
    std::string interface;
    std::string rest;
    std::uint32_t network = 0;
    std::uint32_t gateway = 0;
    std::uint32_t mask = 0;
    words >> interface >> std::hex >> network >> gateway;
    for (int skipped = 0; skipped < 4; ++skipped) words >> rest;  // flags, references, uses, metric
    words >> mask;
    if (!words || (destination.s_addr & mask) != network || (best && ntohl(mask) <= ntohl(best_mask))) continue;
    best = Route{interface, in_addr{gateway == 0 ? destination.s_addr : gateway}};
    best_mask = mask;
  }
  return best;
}

std::optional<Mac> neighbour(in_addr address, const std::string& interface) {
  std::array<char, INET_ADDRSTRLEN> wanted{};
  ::inet_ntop(AF_INET, &address, wanted.data(), wanted.size());
  std::ifstream table("/proc/net/arp");
  std::string line;
  while (std::getline(table, line)) {
    std::istringstream words(line);
    std::string ip, kind, flags, text, mask, device;
    words >> ip >> kind >> flags >> text >> mask >> device;
    if (ip != wanted.data() || device != interface || flags == "0x0") continue;
    std::array<unsigned, ETH_ALEN> parts{};
    if (std::sscanf(text.c_str(), "%x:%x:%x:%x:%x:%x", &parts[0], &parts[1], &parts[2], &parts[3], &parts[4],
                    &parts[5]) != ETH_ALEN)
      continue;
    Mac mac{};
    for (std::size_t i = 0; i < mac.size(); ++i) mac[i] = static_cast<unsigned char>(parts[i]);
    return mac;
  }
  return std::nullopt;
}

void put16(std::string& bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<char>(value >> 8 & 0xff);
  bytes[at + 1] = static_cast<char>(value & 0xff);
}

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }
unsigned get16(std::string_view bytes, std::size_t at) { return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1); }

// RFC 1071.
unsigned checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += byte_at(bytes, i) << 8 | (i + 1 < bytes.size() ? byte_at(bytes, i + 1) : 0U);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

std::string bytes_of(in_addr address) { return {reinterpret_cast<const char*>(&address), sizeof address}; }

std::string segment(in_addr from, in_addr to, unsigned from_port, unsigned to_port, const std::string& payload) {
  std::string tcp(tcp_size, '\0');
  put16(tcp, 0, from_port);
  put16(tcp, 2, to_port);
  put16(tcp, 6, from_port);  // of the sequence number; any will do
  tcp[12] = static_cast<char>(tcp_size / 4 << 4);
  tcp[flags_at] = syn;
  put16(tcp, 14, 0xffff);  // window
  tcp += payload;
  std::string pseudo = bytes_of(from) + bytes_of(to) + std::string{'\0', IPPROTO_TCP, '\0', '\0'};
  put16(pseudo, 10, static_cast<unsigned>(tcp.size()));
  put16(tcp, 16, checksum(pseudo + tcp));
  std::string ip(ip_size, '\0');
  ip[0] = 0x45;
  put16(ip, 2, static_cast<unsigned>(ip_size + tcp.size()));
  ip[6] = 0x40;  // do not fragment
  ip[8] = 64;    // hops
  ip[protocol_at] = IPPROTO_TCP;
  ip.replace(12, 4, bytes_of(from));
  ip.replace(16, 4, bytes_of(to));
  put16(ip, 10, checksum(ip));
  return ip + tcp;
}

// TCP to one port alone.
bool attach_filter(int fd, unsigned port) {
  std::array<sock_filter, 7> code{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, protocol_at),         //
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 4),  // not TCP: drop
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),                  // X = header length
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),                   // destination port
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),         //
      BPF_STMT(BPF_RET | BPF_K, 0xffff),                       //
      BPF_STMT(BPF_RET | BPF_K, 0),                            //
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

class PacketSyn : public DatagramSocket {
 public:
  PacketSyn(const Attempt& attempt, in_addr to) : to_(to), port_(attempt.port) {}

  std::optional<Unopened> open(const std::string& payload) {
    const auto route = route_to(to_);
    if (!route) return Unopened{Code::connect_unreachable, "no route"};
    interface_ = route->interface;
    gateway_ = route->gateway;
    // A socket of the kernel's keeps the port from others.
    reserved_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ifreq asked{};
    interface_.copy(asked.ifr_name, sizeof asked.ifr_name - 1);
    if (!reserved_.valid() || ::ioctl(reserved_.get(), SIOCGIFADDR, &asked) != 0) return system("SIOCGIFADDR");
    sockaddr_in own{};
    std::memcpy(&own, &asked.ifr_addr, sizeof own);
    own.sin_port = 0;
    socklen_t size = sizeof own;
    auto* raw = reinterpret_cast<sockaddr*>(&own);
    if (::bind(reserved_.get(), raw, size) != 0 || ::getsockname(reserved_.get(), raw, &size) != 0)
      return system("bind");
    own_port_ = ntohs(own.sin_port);
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &own.sin_addr, text.data(), text.size());
    local_ = end_of(text.data(), own_port_);
    bytes_ = segment(own.sin_addr, to_, own_port_, port_, payload);
    // Protocol 0 receives nothing until the filter is there.
    fd_.reset(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_.valid()) return system("socket(AF_PACKET)");
    link_.sll_family = AF_PACKET;
    link_.sll_protocol = htons(ETH_P_IP);
    link_.sll_ifindex = static_cast<int>(::if_nametoindex(interface_.c_str()));
    link_.sll_halen = ETH_ALEN;
    if (!attach_filter(fd_.get(), own_port_) ||
        ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&link_), sizeof link_) != 0)
      return system("bind(AF_PACKET)");
    return std::nullopt;
  }

  int send() override {
    const auto mac = neighbour(gateway_, interface_);
    if (!mac) {
      ask_for_neighbour();
      return EAGAIN;
    }
    sockaddr_ll to = link_;
    std::copy(mac->begin(), mac->end(), to.sll_addr);
    const auto* raw = reinterpret_cast<const sockaddr*>(&to);
    return ::sendto(fd_.get(), bytes_.data(), bytes_.size(), MSG_NOSIGNAL, raw, sizeof to) < 0 ? errno : 0;
  }

  Arrived received(std::string_view bytes, std::string&) override {
    const std::size_t header = bytes.empty() ? 0 : (byte_at(bytes, 0) & 0xfU) * 4U;
    if (header < ip_size || bytes.size() < header + tcp_size || byte_at(bytes, protocol_at) != IPPROTO_TCP ||
        bytes.substr(12, 4) != bytes_of(to_) || get16(bytes, header) != port_ || get16(bytes, header + 2) != own_port_)
      return Arrived::nothing;
    const unsigned flags = byte_at(bytes, header + flags_at);
    if ((flags & rst) != 0) return Arrived::refused;
    return (flags & (syn | ack)) == (syn | ack) ? Arrived::answer : Arrived::nothing;
  }

 private:
  static Unopened system(const char* call) {
    const bool forbidden = errno == EPERM || errno == EACCES;
    return {forbidden ? Code::unsupported : Code::local_error, std::string(call) + ": " + std::strerror(errno)};
  }

  // The kernel looks a neighbour up when it has something for it.
  void ask_for_neighbour() const {
    const UniqueFd asking(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in discard{};
    discard.sin_family = AF_INET;
    discard.sin_port = htons(9);
    discard.sin_addr = gateway_;
    ::sendto(asking.get(), "", 0, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&discard), sizeof discard);
  }

  const in_addr to_;
  const unsigned port_;
  std::string interface_, bytes_;
  in_addr gateway_{};
  unsigned own_port_ = 0;
  UniqueFd reserved_;
  sockaddr_ll link_{};
};

}  // namespace

tl::expected<std::unique_ptr<DatagramSocket>, Unopened> open_packet_syn(const Attempt& attempt,
                                                                        const std::string& address) {
  in_addr to{};
  if (::inet_pton(AF_INET, address.c_str(), &to) != 1)
    return tl::unexpected(Unopened{Code::unsupported, "a SYN of the probe's own is IPv4 in this build"});
  auto made = std::make_unique<PacketSyn>(attempt, to);
  if (const auto why = made->open(fill_nonce(attempt.payload, attempt.nonce))) return tl::unexpected(*why);
  return made;
}

}  // namespace egressproof::probe
