// Texts on their way to a terminal, a JSON file or a shell. Pure. Whatever came from the wire may hold any byte;
// nothing of it may act on the reader's terminal or break a file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace egressproof::report {

// `text` with each byte that is not part of valid UTF-8 (RFC 3629) replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

// For people: UTF-8 as it is, but controls, bidirectional controls and broken bytes as \xNN or \u{N}. One line.
std::string printable(std::string_view text);
// The same for bytes of the wire: all but printable ASCII as \xNN.
std::string printable_bytes(std::string_view bytes);

// Code points of valid UTF-8: the terminal columns taken, for the scripts that policies are written in.
std::size_t columns(std::string_view text);
// `text` and spaces, `width` columns in all; longer texts stay as they are.
std::string padded(std::string_view text, std::size_t width);
// At most `width` columns (at least 5), head and tail kept, ".." for what is left out.
std::string elided(std::string_view text, std::size_t width);
// Lines of at most `width` columns, broken at spaces and newlines; a longer word is a line of its own. Made printable.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

// One word of a shell command. Bytes outside printable ASCII need $'...' (bash, ksh, zsh).
std::string shell_quoted(std::string_view word);

}  // namespace egressproof::report
