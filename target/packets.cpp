#include "target/packets.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstring>

#include "target/http_head.h"
#include "target/recorder.h"
#include "target/socket.h"

namespace egressproof::target {
namespace {

constexpr std::size_t v4_header = 20, v6_header = 40;
constexpr std::size_t tcp_flags_at = 13;
constexpr unsigned syn = 0x02, ack = 0x10;
constexpr int receive_buffer = 4 << 20;  // bytes: a burst must not be lost

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

struct Header {
  int family = AF_INET;
  unsigned protocol = 0;
  std::string source, destination;
  std::string_view payload;
  bool first_fragment = true;
};

std::string address_text(int family, std::string_view bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<Header> read_header(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  Header header;
  if (byte_at(bytes, 0) >> 4 == 4) {
    const std::size_t size = (byte_at(bytes, 0) & 0xfU) * 4U;
    if (size < v4_header || bytes.size() < size) return std::nullopt;
    header.protocol = byte_at(bytes, 9);
    header.first_fragment = ((byte_at(bytes, 6) & 0x1fU) | byte_at(bytes, 7)) == 0;
    header.source = address_text(AF_INET, bytes.substr(12, 4));
    header.destination = address_text(AF_INET, bytes.substr(16, 4));
    header.payload = bytes.substr(size);
    return header;
  }
  if (byte_at(bytes, 0) >> 4 != 6 || bytes.size() < v6_header) return std::nullopt;
  header.family = AF_INET6;
  header.protocol = byte_at(bytes, 6);
  header.source = address_text(AF_INET6, bytes.substr(8, 16));
  header.destination = address_text(AF_INET6, bytes.substr(24, 16));
  header.payload = bytes.substr(v6_header);
  return header;
}

std::string transport_of(unsigned protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_ICMPV6:
      return "icmp6";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return "protocol-" + std::to_string(protocol);
  }
}

// Errors answer what a fixture itself sent, and neighbour discovery belongs to the link.
bool is_answer_or_link(const Header& header) {
  if (header.payload.empty()) return false;
  const unsigned type = byte_at(header.payload, 0);
  if (header.protocol == IPPROTO_ICMP) return type == 3 || type == 11 || type == 12;
  return header.protocol == IPPROTO_ICMPV6 && (type < 128 || (type >= 130 && type <= 137) || type == 143);
}

bool has_ports(unsigned protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

// Keeps data segments of TCP, which are most of the traffic, away from this process: all but an IPv4 TCP segment
// without SYN, or with ACK. The rest is read_packet()'s business.
bool attach_filter(int fd) {
  std::array<sock_filter, 10> code{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),                   // version and header length
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),               //
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40, 0, 6),         // not IPv4: accept
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),                   // protocol
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 4),  // not TCP: accept
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),                  // X = header length
      BPF_STMT(BPF_LD | BPF_B | BPF_IND, tcp_flags_at),        //
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn | ack),          //
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1),          // not a first SYN: drop
      BPF_STMT(BPF_RET | BPF_K, 0xffff),                       //
  }};
  std::array<sock_filter, 11> all{};
  std::copy(code.begin(), code.end(), all.begin());
  all.back() = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{static_cast<unsigned short>(all.size()), all.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

bool stamp_arrivals(int fd) {
  constexpr int on = 1;
  return ::setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
}

struct Arrival {
  std::string_view bytes;
  unsigned char type = 0;  // sll_pkttype
  std::chrono::microseconds at{0};
};

// By the kernel's clock: when the packet came, not when this process had time for it. Empty: there is none.
std::optional<Arrival> next_arrival(int fd, std::array<char, 2048>& buffer) {
  sockaddr_ll from{};
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control{};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(fd, &message, MSG_DONTWAIT);
  if (got < 0) return std::nullopt;
  Arrival arrival{
      std::string_view(buffer.data(), static_cast<std::size_t>(got)), from.sll_pkttype,
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())};
  for (const cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr;
       one = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(one))) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(one), sizeof stamp);
    arrival.at = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::seconds(stamp.tv_sec) +
                                                                       std::chrono::nanoseconds(stamp.tv_nsec));
  }
  return arrival;
}

}  // namespace

std::optional<Packet> read_packet(std::string_view bytes) {
  const auto header = read_header(bytes);
  if (!header || is_answer_or_link(*header)) return std::nullopt;
  const std::string_view payload = header->payload;
  if (header->protocol == IPPROTO_TCP && (!header->first_fragment || payload.size() <= tcp_flags_at ||
                                          (byte_at(payload, tcp_flags_at) & (syn | ack)) != syn))
    return std::nullopt;
  Packet packet;
  packet.transport = transport_of(header->protocol);
  packet.destination = header->destination;
  packet.local = header->destination;
  packet.peer = header->source;
  packet.nonce = find_nonce(payload);
  if (has_ports(header->protocol) && header->first_fragment && payload.size() >= 4) {
    const auto port = [&](std::size_t at) {
      return static_cast<std::uint16_t>(byte_at(payload, at) << 8 | byte_at(payload, at + 1));
    };
    packet.local = text_of(make_address(header->destination, port(2)));
    packet.peer = text_of(make_address(header->source, port(0)));
  }
  return packet;
}

Result<PacketWitness> PacketWitness::open(Owner owner, JournalWriter& journal) {
  std::array<UniqueFd, 2> fds;
  constexpr std::array<unsigned short, 2> protocols{ETH_P_IP, ETH_P_IPV6};
  for (std::size_t i = 0; i < fds.size(); ++i) {
    // Protocol 0 receives nothing until the filter is there.
    fds[i].reset(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fds[i].valid()) return tl::unexpected(system_error(ErrorKind::environment, "socket(AF_PACKET)"));
    ::setsockopt(fds[i].get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer);
    sockaddr_ll every{};
    every.sll_family = AF_PACKET;
    // Not ETH_P_ALL: that would also be shown what arrives at a port of a bridge, and is then dropped there.
    every.sll_protocol = htons(protocols[i]);
    if (!attach_filter(fds[i].get()) || !stamp_arrivals(fds[i].get()) ||
        ::bind(fds[i].get(), reinterpret_cast<sockaddr*>(&every), sizeof every) != 0)
      return tl::unexpected(system_error(ErrorKind::environment, "bind(AF_PACKET)"));
  }
  return PacketWitness(std::move(fds), std::move(owner), journal);
}

void PacketWitness::take(int fd) {
  std::array<char, 2048> buffer{};
  while (const auto arrival = next_arrival(fd, buffer)) {
    // What this host sends itself is seen when it arrives, on the loopback interface.
    if (arrival->type == PACKET_OUTGOING) continue;
    const auto packet = read_packet(arrival->bytes);
    const Fixture* fixture = packet ? owner_(packet->destination) : nullptr;
    if (fixture == nullptr) continue;
    Receipt made = Recorder({0, packet->local, packet->peer}, *fixture, *journal_).receipt(ReceiptKind::packet);
    made.transport = packet->transport;
    made.nonce = packet->nonce;
    made.at = arrival->at;
    journal_->write(made);
  }
  tpacket_stats stats{};
  socklen_t size = sizeof stats;
  if (::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0 && stats.tp_drops > 0)
    journal_->trouble("the packet witness lost " + std::to_string(stats.tp_drops) + " packets");
}

void PacketWitness::take() {
  for (const UniqueFd& fd : fds_) take(fd.get());
}

}  // namespace egressproof::target
