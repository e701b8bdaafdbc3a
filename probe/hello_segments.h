// A ClientHello in several TCP segments.
#pragma once

#include <openssl/ssl.h>

#include <memory>

namespace egressproof::probe {

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using OwnedBio = std::unique_ptr<BIO, BioDeleter>;

// To be put before the BIO that a connection writes to, with nothing written yet. What is written first is then written
// in `segments` pieces of the same size, hello_pause apart; until a piece is due the handshake is told to try again.
// nullptr: OpenSSL refused.
OwnedBio make_hello_segments(int segments);

// `ssl` owns the filter from now on.
void put_before(SSL* ssl, OwnedBio filter);

}  // namespace egressproof::probe
