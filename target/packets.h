// The packet witness: sees what arrives at fixtures' addresses below TCP and UDP, whether or not something answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
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
};

// Reads an IP packet from its header on; nothing: it is not IP, too short, a TCP segment other than a first SYN, an
// ICMP error, or neighbour discovery. Pure.
std::optional<Packet> read_packet(std::string_view bytes);

class PacketWitness {
 public:
  // Needs CAP_NET_RAW. Journal and whatever `owner` refers to must outlive it. Errors: kind environment.
  static Result<PacketWitness> open(Owner owner, JournalWriter& journal);

  [[nodiscard]] int socket() const { return fd_.get(); }
  // Takes all packets that are there. Packets that the kernel had to drop become trouble in the journal.
  void take();

 private:
  // A bridge shows a packet twice, at its port and at itself: the same bytes at another interface are the same packet.
  struct Seen {
    std::size_t digest;
    int interface;
    std::chrono::steady_clock::time_point at;
  };
  PacketWitness(UniqueFd fd, Owner owner, JournalWriter& journal)
      : fd_(std::move(fd)), owner_(std::move(owner)), journal_(&journal) {}
  bool seen_elsewhere(std::string_view bytes, int interface);
  void tell_drops();

  UniqueFd fd_;
  Owner owner_;
  JournalWriter* journal_;
  std::deque<Seen> recent_;
};

}  // namespace egressproof::target
