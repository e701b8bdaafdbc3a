// Bytes and characters of UTF-8 text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace egressproof::scenario {

// Characters, not bytes; a broken sequence counts as one.
std::size_t count_characters(std::string_view utf8);

// Offset of the first byte that is a control character (but tab and line ends) or not UTF-8.
std::optional<std::size_t> find_bad_byte(std::string_view text);

// What a terminal may be sent: control characters and bytes that are not UTF-8 become '?'; tabs stay.
std::string printable(std::string_view text);

}  // namespace egressproof::scenario
