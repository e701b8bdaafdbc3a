#include "target/http_head.h"

#include <algorithm>
#include <charconv>

namespace egressproof::target {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::string find_nonce(std::string_view bytes) {
  std::size_t run = 0;
  for (std::size_t i = 0; i <= bytes.size(); ++i) {
    if (i < bytes.size() && is_hex(bytes[i])) {
      ++run;
      continue;
    }
    if (run == 32) return std::string(bytes.substr(i - 32, 32));
    run = 0;
  }
  return {};
}

bool looks_like_http(std::string_view bytes) {
  std::size_t letters = 0;
  while (letters < bytes.size() && bytes[letters] >= 'A' && bytes[letters] <= 'Z') ++letters;
  return letters > 0 && letters < 20 && letters < bytes.size() && bytes[letters] == ' ';
}

std::optional<HttpHead> read_http_head(std::string_view bytes) {
  std::size_t end = bytes.find("\r\n\r\n");
  std::size_t mark = 4;
  if (const std::size_t bare = bytes.find("\n\n"); bare < end) {
    end = bare;
    mark = 2;
  }
  if (end == std::string_view::npos) return std::nullopt;
  HttpHead head;
  head.size = end + mark;
  std::string_view rest = bytes.substr(0, end);
  const std::size_t line_end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = trimmed(rest.substr(0, line_end));
  rest.remove_prefix(std::min(rest.size(), line_end + 1));
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  head.method = std::string(line.substr(0, first));
  if (first != std::string_view::npos) {
    const std::string_view tail = line.substr(last + 1);
    const bool versioned = last > first && tail.substr(0, 5) == "HTTP/";
    head.target = std::string(line.substr(first + 1, versioned ? last - first - 1 : std::string_view::npos));
    head.version = versioned ? std::string(tail.substr(5)) : "0.9";
  }
  head.keep_alive = head.version == "1.1";
  while (!rest.empty()) {
    const std::size_t stop = std::min(rest.find('\n'), rest.size());
    const std::string_view field = rest.substr(0, stop);
    rest.remove_prefix(std::min(rest.size(), stop + 1));
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = lower(trimmed(field.substr(0, colon)));
    const std::string_view value = trimmed(field.substr(colon + 1));
    if (name == "host") head.host += (head.host.empty() ? "" : ", ") + std::string(value);
    if (name == "egressproof-nonce") head.nonce = find_nonce(value);
    if (name == "connection") head.keep_alive = lower(value) != "close" && head.keep_alive;
    if (name == "content-length") std::from_chars(value.data(), value.data() + value.size(), head.content_length);
  }
  if (head.nonce.empty()) head.nonce = find_nonce(head.target);
  return head;
}

}  // namespace egressproof::target
