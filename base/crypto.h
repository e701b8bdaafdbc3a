// The few cryptographic primitives that witnesses need. Wrappers over OpenSSL; they abort on its internal failure.
#pragma once

#include <string>
#include <string_view>

namespace egressproof {

// `bytes` random bytes as lower-case hex (2 * bytes characters).
std::string random_hex(std::size_t bytes);

// Lower-case hex SHA-256 of `data`.
std::string sha256_hex(std::string_view data);

// Lower-case hex HMAC-SHA-256; `key` is used as raw bytes.
std::string hmac_sha256_hex(std::string_view key, std::string_view data);

// Whether two texts are equal, in a time that tells nothing of where they differ: for what an attacker may guess at.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace egressproof
