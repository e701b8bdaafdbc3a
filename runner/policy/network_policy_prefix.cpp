#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "runner/policy/network_policy.h"

namespace egressproof::policy {
namespace {

std::uint8_t mask_of(int length, std::size_t byte) {
  const int bits = std::clamp(length - static_cast<int>(byte) * 8, 0, 8);
  return static_cast<std::uint8_t>(0xff00U >> static_cast<unsigned>(bits));
}

bool is_mapped(const std::vector<std::uint8_t>& bytes) {
  static constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return bytes.size() == 16 && std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

}  // namespace

std::optional<Prefix> parse_prefix(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  const bool six = address.find(':') != std::string::npos;
  Prefix prefix;
  prefix.bytes.resize(six ? 16 : 4);
  prefix.length = six ? 128 : 32;
  if (::inet_pton(six ? AF_INET6 : AF_INET, address.c_str(), prefix.bytes.data()) != 1) return std::nullopt;
  if (is_mapped(prefix.bytes)) return std::nullopt;
  if (slash == std::string::npos) return prefix;
  const std::string length = text.substr(slash + 1);
  int given = -1;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), given);
  const bool canonical = length == "0" || (!length.empty() && length.front() != '0');
  if (error != std::errc{} || end != length.data() + length.size() || !canonical || given < 0 || given > prefix.length)
    return std::nullopt;
  prefix.length = given;
  return prefix;
}

bool contains(const Prefix& outer, const Prefix& inner) {
  if (outer.bytes.size() != inner.bytes.size() || outer.length > inner.length) return false;
  for (std::size_t i = 0; i < outer.bytes.size(); ++i)
    if (((outer.bytes[i] ^ inner.bytes[i]) & mask_of(outer.length, i)) != 0) return false;
  return true;
}

std::string to_string(const Prefix& prefix) {
  std::vector<std::uint8_t> bytes = prefix.bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] &= mask_of(prefix.length, i);
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return std::string(text.data()) + "/" + std::to_string(prefix.length);
}

}  // namespace egressproof::policy
