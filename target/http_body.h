// Skips request bodies: fixtures do not look at them, but must find the next request behind them. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "target/http_head.h"

namespace egressproof::target {

class HttpBody {
 public:
  enum class Progress { more, done, broken };  // broken: malformed chunks, nothing after them can be understood

  HttpBody() = default;  // no body
  explicit HttpBody(const HttpHead& head) : chunked_(head.chunked), left_(head.chunked ? 0 : head.content_length) {}

  // Takes the bytes of the body off the front of `input`; what follows the body stays.
  Progress skip(std::string& input);

 private:
  enum class Part { size, data, trailers };
  Progress skip_line(std::string& input);

  bool chunked_ = false;
  std::uint64_t left_ = 0;  // bytes of the body, or of the chunk with its CRLF
  Part part_ = Part::size;
};

}  // namespace egressproof::target
