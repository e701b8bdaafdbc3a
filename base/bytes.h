// Byte strings in JSON, which knows only Unicode: each byte becomes the code point of the same number (ISO 8859-1), so
// that every byte string survives the round trip and ASCII stays readable.
#pragma once

#include <string>
#include <string_view>

namespace egressproof {

std::string bytes_to_utf8(std::string_view bytes);

// The inverse. False if `text` holds a code point above U+00FF or is not UTF-8.
bool utf8_to_bytes(std::string_view text, std::string& bytes);

}  // namespace egressproof
