// What single words of a scenario file may be. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace egressproof::scenario {

// What a YAML 1.1 or 1.2 reader may take this plain scalar for: "a boolean", "a number", "a date"; "" = text.
std::string other_meaning(std::string_view plain);

// Decimal digits without sign and leading zero, at most `max`.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);

// "500ms" or "2s", from 1 ms to 600 s.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// The one form of an IP literal (inet_ntop); nullopt: not one.
std::optional<std::string> canonical_address(const std::string& text);
inline bool is_ipv6(const std::string& address) { return address.find(':') != std::string::npos; }
// 192.0.2.240/28 belongs to the canaries.
bool is_harness_address(const std::string& canonical);

// One or more of [a-z0-9-].
bool is_id(std::string_view text);
// At most 63 of [a-z0-9-], no '-' at either end.
bool is_dns_label(std::string_view text);
// Labels of letters, digits, '-' and '_'; at most 253 characters; a first label "*" only with `wildcard`.
bool is_dns_name(std::string_view text, bool wildcard);

// ASCII letters in lower case, without final dot: how names are compared.
std::string folded_name(std::string_view name);

struct HostPort {
  std::string host;  // IPv6 literals without brackets
  std::uint16_t port = 0;
};
// "HOST:PORT" or "[IPv6]:PORT", port 1..65535.
std::optional<HostPort> parse_host_port(const std::string& text);

}  // namespace egressproof::scenario
