// What an attempt sends, as bytes of HTTP/1 or as an HTTP/2 header block. Pure.
#pragma once

#include <string>

#include "probe/attempt.h"

namespace egressproof::probe {

// `text` with "{nonce}" replaced.
std::string fill_nonce(const std::string& text, const std::string& nonce);

// The request line and header, to the empty line included. `fields` replace all that the probe would say.
std::string http1_head(const Attempt& attempt);

// The header block, pseudo-headers first unless `fields` say otherwise.
Fields http2_block(const Attempt& attempt);

// The earlier request as an attempt of its own, with its own nonce. `attempt.earlier` must be there.
Attempt earlier_attempt(const Attempt& attempt);

// What the next hop is, or nothing: `location` is no http or https URL. Relative locations are resolved against the
// attempt's Host, path and dialled port.
std::optional<Attempt> next_hop(const Attempt& attempt, int status, const std::string& location);

// Whether an answer with this status and location is a redirect that a client may follow.
bool is_redirect(int status);

}  // namespace egressproof::probe
