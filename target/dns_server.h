// The DNS authority on its sockets: each query is a receipt before it is answered.
#pragma once

#include <string>

#include "target/dns.h"
#include "target/journal.h"
#include "target/recorder.h"

namespace egressproof::target {

class DnsServer {
 public:
  // The configuration and the journal must outlive it.
  DnsServer(const Config& config, JournalWriter& journal);

  // Takes one datagram off a non-blocking socket. False: there is none.
  bool answer_datagram(int socket);
  // One TCP connection (RFC 7766: any number of queries), from first byte to end. `socket` is blocking, with time-outs,
  // and stays the caller's. An incomplete message at the end is a receipt as well.
  void serve(int socket, Recorder recorder);

  void move_records() { authority_.move_records(); }

  // Owner of the receipts of TCP connections: "dns".
  [[nodiscard]] const Fixture& fixture() const { return fixture_; }

 private:
  // The reply; "": nothing may be answered. `again`: the next message may be read.
  std::string reply_to(std::string_view query, Transport transport, Recorder& recorder, bool& again);

  Fixture fixture_;
  std::string local_;
  DnsAuthority authority_;
  JournalWriter& journal_;
};

}  // namespace egressproof::target
