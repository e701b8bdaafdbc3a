#include "target/http_body.h"

#include <algorithm>
#include <charconv>

namespace egressproof::target {
namespace {
constexpr std::size_t max_line = 16384;
constexpr std::uint64_t max_chunk = UINT64_MAX - 2;  // two bytes of CRLF follow
}  // namespace

// One line of the chunked coding (RFC 9112, 7.1): a chunk's size with its extensions, or a trailer field.
HttpBody::Progress HttpBody::skip_line(std::string& input) {
  const std::size_t end = input.find('\n');
  if (end == std::string::npos) return input.size() > max_line ? Progress::broken : Progress::more;
  std::string line = input.substr(0, end);
  input.erase(0, end + 1);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (part_ == Part::trailers) {
    if (!line.empty()) return Progress::more;
    chunked_ = false;
    return Progress::done;
  }
  std::uint64_t size = 0;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  if (read.ec != std::errc() || size > max_chunk) return Progress::broken;
  part_ = size == 0 ? Part::trailers : Part::data;
  left_ = size == 0 ? 0 : size + 2;
  return Progress::more;
}

HttpBody::Progress HttpBody::skip(std::string& input) {
  for (;;) {
    const std::size_t now = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
    input.erase(0, now);
    left_ -= now;
    if (left_ > 0) return Progress::more;
    if (!chunked_) return Progress::done;
    if (part_ == Part::data) part_ = Part::size;
    const std::size_t before = input.size();
    const Progress progress = skip_line(input);
    if (progress != Progress::more || input.size() == before) return progress;
  }
}

}  // namespace egressproof::target
