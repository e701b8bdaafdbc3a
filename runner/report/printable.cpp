#include "runner/report/printable.h"

#include <fmt/format.h>

#include <algorithm>

namespace egressproof::report {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t size = 0;  // bytes; 0: not valid UTF-8 here
};

// The code point at the start of `text`, which is not empty.
CodePoint first_of(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xC2 && lead < 0xE0   ? 2
                           : lead >= 0xE0 && lead < 0xF0 ? 3
                           : lead >= 0xF0 && lead < 0xF5 ? 4
                                                         : 0;
  if (size == 0 || text.size() < size) return {};
  char32_t value = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3FU);
  }
  const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return {};
  return {value, size};
}

// Acts on a terminal, or changes the order in which its neighbours are shown.
bool is_control(char32_t value) {
  return value < 0x20 || (value >= 0x7F && value < 0xA0) || value == 0x061C || value == 0x200E || value == 0x200F ||
         (value >= 0x2028 && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069) || value == 0xFEFF;
}

std::string escaped(unsigned char byte) { return fmt::format("\\x{:02x}", byte); }

// Bytes of the first `count` code points.
std::size_t head_bytes(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; at < text.size() && count > 0; --count) at += std::max<std::size_t>(1, first_of(text.substr(at)).size);
  return at;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = first_of(text);
    if (point.size == 0)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(0, point.size);
    text.remove_prefix(std::max<std::size_t>(1, point.size));
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_of(text);
    if (point.size == 0)
      out += escaped(static_cast<unsigned char>(text[0]));
    else if (!is_control(point.value))
      out += text.substr(0, point.size);
    else if (point.value < 0x100)
      out += escaped(static_cast<unsigned char>(point.value));
    else
      out += fmt::format("\\u{{{:x}}}", static_cast<unsigned>(point.value));
    text.remove_prefix(std::max<std::size_t>(1, point.size));
  }
  return out;
}

std::string printable_bytes(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F)
      out += c;
    else
      out += escaped(byte);
  }
  return out;
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  const std::size_t taken = columns(text);
  if (taken < width) out.append(width - taken, ' ');
  return out;
}

std::string elided(std::string_view text, std::size_t width) {
  const std::size_t taken = columns(text);
  if (taken <= width) return std::string(text);
  const std::size_t kept = std::max<std::size_t>(width, 5) - 2;
  const std::size_t head = (kept + 1) / 2;
  const std::size_t tail = kept - head;
  return std::string(text.substr(0, head_bytes(text, head))) + ".." +
         std::string(text.substr(head_bytes(text, taken - tail)));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) lines.push_back(std::move(line));
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string word = printable(text.substr(0, end));
    if (!word.empty()) {
      if (!line.empty() && columns(line) + 1 + columns(word) > width) flush();
      if (!line.empty()) line += ' ';
      line += word;
    }
    if (end < text.size() && text[end] == '\n') flush();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  flush();
  return lines;
}

std::string shell_quoted(std::string_view word) {
  static constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string(word);
  const bool ascii = std::all_of(word.begin(), word.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  std::string out = ascii ? "'" : "$'";
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (ascii)
      out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    else if (c == '\'' || c == '\\')
      out += std::string("\\") + c;
    else if (byte < 0x20 || byte >= 0x7F)
      out += fmt::format("\\{:03o}", byte);  // octal: always three digits, so that what follows is not swallowed
    else
      out += c;
  }
  return out + "'";
}

}  // namespace egressproof::report
