// One accepted TCP connection of a fixture, from first byte to end: TLS, HTTP/1, HTTP/2 and other bytes are told apart
// by what arrives, not by port or ALPN.
#pragma once

#include "target/authority.h"
#include "target/recorder.h"

namespace egressproof::target {

// Once for each context, before it serves: the ClientHello's receipt is written before the handshake goes on.
void prepare_tls(SSL_CTX* tls);

// `socket` is blocking, with receive and send time-outs, and stays the caller's. Returns when the connection is over.
// Nothing is answered without a receipt. SIGPIPE must be ignored.
void serve(int socket, Recorder recorder, SSL_CTX* tls);

}  // namespace egressproof::target
