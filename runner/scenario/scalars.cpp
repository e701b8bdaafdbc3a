#include "runner/scenario/scalars.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace egressproof::scenario {
namespace {

constexpr std::uint64_t max_duration_ms = 600000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// Takes one character of `set` from the front of `text` after another; how many.
std::size_t take(std::string_view& text, std::string_view set, std::size_t most = std::string_view::npos) {
  std::size_t count = 0;
  while (count < most && !text.empty() && set.find(text.front()) != std::string_view::npos) {
    text.remove_prefix(1);
    ++count;
  }
  return count;
}

constexpr std::string_view digits = "0123456789";

// Integers, floats and YAML 1.1's base 60 ("12:30").
bool is_number(std::string_view text) {
  take(text, "+-", 1);
  if (text == ".inf" || text == ".Inf" || text == ".INF" || text == ".nan" || text == ".NaN" || text == ".NAN")
    return true;
  for (const auto& [prefix, set] : {std::pair<std::string_view, std::string_view>{"0x", "0123456789abcdefABCDEF_"},
                                    {"0o", "01234567_"},
                                    {"0b", "01_"}}) {
    std::string_view rest = text;
    if (!rest.starts_with(prefix)) continue;
    rest.remove_prefix(prefix.size());
    return take(rest, set) > 0 && rest.empty();
  }
  const bool whole = !text.empty() && is_digit(text.front());
  take(text, whole ? "0123456789_" : "");
  bool base60 = false;
  for (; whole && text.starts_with(':'); base60 = true) {
    text.remove_prefix(1);
    if (take(text, digits, 2) == 0) return false;
  }
  bool fraction = false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take(text, "0123456789_") > 0;
  }
  if (!whole && !fraction) return false;
  if (!base60 && take(text, "eE", 1) == 1) {
    take(text, "+-", 1);
    if (take(text, digits) == 0) return false;
  }
  return text.empty();
}

bool is_date(std::string_view text) {
  if (take(text, digits, 4) != 4) return false;
  for (int part = 0; part < 2; ++part)
    if (take(text, "-", 1) != 1 || take(text, digits, 2) == 0) return false;
  return text.empty() || take(text, "Tt ", 1) == 1;
}

}  // namespace

std::string other_meaning(std::string_view plain) {
  static const std::array<std::string_view, 8> booleans{"y", "n", "yes", "no", "on", "off", "true", "false"};
  if (std::find(booleans.begin(), booleans.end(), lower(plain)) != booleans.end()) return "a boolean";
  if (is_number(plain)) return "a number";
  return is_date(plain) ? "a date" : "";
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const bool milli = text.ends_with("ms");
  if (!milli && !text.ends_with("s")) return std::nullopt;
  text.remove_suffix(milli ? 2 : 1);
  const auto count = parse_number(text, max_duration_ms);
  if (!count) return std::nullopt;
  const std::uint64_t ms = milli ? *count : *count * 1000;
  if (ms == 0 || ms > max_duration_ms) return std::nullopt;
  return std::chrono::milliseconds(ms);
}

std::optional<std::string> canonical_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> shown{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (text.find('\0') != std::string::npos || ::inet_pton(family, text.c_str(), bytes.data()) != 1) continue;
    ::inet_ntop(family, bytes.data(), shown.data(), shown.size());
    return std::string(shown.data());
  }
  return std::nullopt;
}

bool is_harness_address(const std::string& canonical) {
  in_addr address{};
  if (::inet_pton(AF_INET, canonical.c_str(), &address) != 1) return false;
  return (ntohl(address.s_addr) & 0xFFFFFFF0U) == 0xC00002F0U;
}

bool is_id(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool is_dns_label(std::string_view text) {
  return is_id(text) && text.size() <= 63 && text.front() != '-' && text.back() != '-';
}

bool is_dns_name(std::string_view text, bool wildcard) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (wildcard && text.starts_with("*.")) text.remove_prefix(2);
  if (text.empty() || text.size() > 253) return false;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    const std::string_view label = text.substr(begin, end - begin);
    if (label.empty() || label.size() > 63 || !std::all_of(label.begin(), label.end(), [](char c) {
          return is_lower(c) || is_upper(c) || is_digit(c) || c == '-' || c == '_';
        }))
      return false;
    begin = end + 1;
  }
  return true;
}

std::string folded_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return lower(name);
}

std::optional<HostPort> parse_host_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  const auto port = parse_number(std::string_view(text).substr(colon + 1), 65535);
  if (!port || *port == 0) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.front() == '[') {
    if (host.back() != ']') return std::nullopt;
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) return std::nullopt;
  } else if (is_ipv6(host)) {
    return std::nullopt;
  }
  if (host.empty()) return std::nullopt;
  return HostPort{std::move(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace egressproof::scenario
