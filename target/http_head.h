// A tolerant reader of HTTP/1 request heads. A library would refuse just those requests that a bypass harness must be
// able to receive (duplicate Host, absolute-form, no Host at all), and what arrived must be told as it arrived. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace egressproof::target {

struct HttpHead {
  std::string method, target, version;  // version: "1.1"
  std::string host;                     // all Host values joined by ", "
  std::string nonce;                    // of egressproof-nonce, else a 32-digit hex segment of the target
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  std::size_t size = 0;  // bytes of the head, the empty line included
};

// Nothing: the head is not complete yet.
std::optional<HttpHead> read_http_head(std::string_view bytes);

// Whether bytes begin like an HTTP/1 request line: a method token and a space.
bool looks_like_http(std::string_view bytes);

// The first run of exactly 32 lower-case hex digits; "" if there is none.
std::string find_nonce(std::string_view bytes);

}  // namespace egressproof::target
