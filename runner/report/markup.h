// Texts on their way into XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace egressproof::report {

// With the five characters that are markup there (& < > " ') written as references: for element content and for
// attributes in either quotes. Bytes that the format does not allow at all are the caller's to replace.
std::string markup_escaped(std::string_view text);

}  // namespace egressproof::report
