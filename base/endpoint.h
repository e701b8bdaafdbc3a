// Ends of connections as text, "address:port".
#pragma once

#include <string>

namespace egressproof {

// "203.0.113.10:80" of "[::ffff:203.0.113.10]:80", as whoever sees the IPv4 packets writes it; all else as it is.
std::string without_v4_mapping(const std::string& end);

}  // namespace egressproof
