// The attempt as a command that people can send by hand. Pure.
#pragma once

#include <string>

#include "probe/attempt.h"

namespace egressproof::cli {

// curl for HTTP, openssl for a handshake alone, nc for bytes over TCP, dig for DNS; quoted for bash. As far as the
// program can send the same; "" where none can.
std::string manual_line(const probe::Attempt& attempt);

}  // namespace egressproof::cli
