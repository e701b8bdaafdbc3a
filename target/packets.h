// The packet witness: sees what arrives at fixtures' addresses below TCP and UDP, whether or not something answers.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "target/datagrams.h"
#include "target/journal.h"

namespace egressproof::target {

// What is told of a packet.
struct Packet {
  std::string transport;    // "tcp", "udp", "icmp", "icmp6", "sctp", "protocol-47"
  std::string destination;  // address as host_of() writes it
  std::string local, peer;  // "address:port"; without port where the protocol has none, or in a later fragment
  std::string nonce;        // found anywhere behind the IP header; empty: none
};

// Reads an IP packet from its header on; nothing: it is not IP, too short, a TCP segment other than a first SYN, an
// ICMP error, or neighbour discovery. Pure.
std::optional<Packet> read_packet(std::string_view bytes);

class PacketWitness {
 public:
  // Needs CAP_NET_RAW. Journal and whatever `owner` refers to must outlive it. What a bridge of this host drops is not
  // seen. Errors: kind environment.
  static Result<PacketWitness> open(Owner owner, JournalWriter& journal);

  [[nodiscard]] std::array<int, 2> sockets() const { return {fds_[0].get(), fds_[1].get()}; }  // IPv4, IPv6
  // Takes all packets that are there. Packets that the kernel had to drop become trouble in the journal.
  void take();

 private:
  PacketWitness(std::array<UniqueFd, 2> fds, Owner owner, JournalWriter& journal)
      : fds_(std::move(fds)), owner_(std::move(owner)), journal_(&journal) {}
  void take(int fd);

  std::array<UniqueFd, 2> fds_;
  Owner owner_;
  JournalWriter* journal_;
};

}  // namespace egressproof::target
