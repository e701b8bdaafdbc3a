// HTTP/2 on one connection, over TLS or by prior knowledge: each stream's head is a receipt and is answered by the
// fixture's line.
#pragma once

#include <string>

#include "target/recorder.h"
#include "target/stream.h"

namespace egressproof::target {

enum class Preface { no, maybe, yes };  // maybe: too few bytes to tell
// Whether the bytes begin with the client connection preface (RFC 9113, 3.4).
Preface http2_preface(std::string_view bytes);

// `input`: what was read already, the preface included. Returns when the connection is over. Nothing of HTTP semantics
// is validated: a request that a proxy let through is told, not refused.
void serve_http2(Stream& stream, Recorder& recorder, std::string input);

}  // namespace egressproof::target
