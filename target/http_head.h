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
  std::string nonce;                    // of egressproof-nonce, else of the target (find_target_nonce)
  std::uint64_t content_length = 0;     // the last one; 0 if it is no number
  bool chunked = false;                 // beats content_length (RFC 9112, 6.3)
  bool expects_continue = false;
  std::string upgrade;  // protocols asked for by Upgrade, as sent
  bool keep_alive = true;
  std::size_t size = 0;  // bytes of the head, the empty line included
};

// Nothing: the head is not complete yet.
std::optional<HttpHead> read_http_head(std::string_view bytes);

// Whether bytes begin like an HTTP/1 request line: a method token and a space.
bool looks_like_http(std::string_view bytes);

// The first run of exactly 32 lower-case hex digits; "" if there is none.
std::string find_nonce(std::string_view bytes);

// The nonce in a request-target as it is or, if there is none, in its percent-decoded form.
std::string find_target_nonce(std::string_view target);

// Whether the request is one for "/upgrade/..." that asks for another protocol: the only ones that are answered with
// 101.
bool wants_upgrade(const HttpHead& head);

// What "/redirect/LOCATION" redirects to: LOCATION percent-decoded, whether the target is in origin-form or in
// absolute-form. Nothing: it is no such target, or the location has control characters, which would end the field.
std::optional<std::string> redirect_location(std::string_view target);

}  // namespace egressproof::target
