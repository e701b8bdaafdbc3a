// One accepted TCP connection of a fixture, from first byte to end.
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "target/authority.h"
#include "target/codec.h"
#include "target/journal.h"

namespace egressproof::target {

struct Accepted {
  UniqueFd socket;           // blocking, with receive and send time-outs
  std::uint64_t number = 0;  // of the connection, for its receipts
  std::string local, peer;   // "address:port"; local as dialled, before any redirect
};

// Once for each context, before it serves: the ClientHello's receipt is written before the handshake goes on.
void prepare_tls(SSL_CTX* tls);

// Returns when the connection is over. Nothing is answered without a receipt.
void serve(Accepted connection, const Fixture& fixture, SSL_CTX* tls, JournalWriter& journal);

}  // namespace egressproof::target
