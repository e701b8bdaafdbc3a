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

// A percent sign without two digits stands for itself.
std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      const char* digits = text.data() + i + 1;
      if (std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
        out += static_cast<char>(value);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

// Whether `token` is one of a comma-separated list, letter case aside.
bool lists(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (lower(trimmed(list.substr(0, comma))) == token) return true;
    list.remove_prefix(std::min(list.size(), comma + 1));
  }
  return false;
}

// Where the head ends: after an empty line. Lines end with LF or CRLF, also mixed.
std::size_t head_size(std::string_view bytes) {
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    const std::string_view next = bytes.substr(at + 1, 2);
    if (next.substr(0, 1) == "\n") return at + 2;
    if (next == "\r\n") return at + 3;
  }
  return 0;
}

void read_field(std::string_view name, std::string_view value, HttpHead& head) {
  if (name == "host") head.host += (head.host.empty() ? "" : ", ") + std::string(value);
  if (name == "egressproof-nonce") head.nonce = find_nonce(value);
  if (name == "connection" && lists(value, "close")) head.keep_alive = false;
  if (name == "transfer-encoding" && lists(value, "chunked")) head.chunked = true;
  if (name == "expect" && lists(value, "100-continue")) head.expects_continue = true;
  if (name == "upgrade") head.upgrade = std::string(value);
  if (name == "content-length") {
    head.content_length = 0;
    std::from_chars(value.data(), value.data() + value.size(), head.content_length);
  }
}

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

std::string find_target_nonce(std::string_view target) {
  std::string nonce = find_nonce(target);
  return nonce.empty() ? find_nonce(percent_decoded(target)) : nonce;
}

std::optional<std::string> redirect_location(std::string_view target) {
  if (const std::size_t scheme = target.find("://"); scheme != std::string_view::npos && target.substr(0, 1) != "/")
    target.remove_prefix(std::min(target.find('/', scheme + 3), target.size()));
  constexpr std::string_view prefix = "/redirect/";
  if (target.substr(0, prefix.size()) != prefix) return std::nullopt;
  std::string location = percent_decoded(target.substr(prefix.size()));
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (location.empty() || std::any_of(location.begin(), location.end(), is_control)) return std::nullopt;
  return location;
}

bool wants_upgrade(const HttpHead& head) {
  return !head.upgrade.empty() && head.version == "1.1" && head.target.rfind("/upgrade/", 0) == 0;
}

bool looks_like_http(std::string_view bytes) {
  std::size_t letters = 0;
  while (letters < bytes.size() && bytes[letters] >= 'A' && bytes[letters] <= 'Z') ++letters;
  return letters > 0 && letters < 20 && letters < bytes.size() && bytes[letters] == ' ';
}

std::optional<HttpHead> read_http_head(std::string_view bytes) {
  HttpHead head;
  head.size = head_size(bytes);
  if (head.size == 0) return std::nullopt;
  std::string_view rest = bytes.substr(0, head.size);
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
    read_field(lower(trimmed(field.substr(0, colon))), trimmed(field.substr(colon + 1)), head);
  }
  if (head.nonce.empty()) head.nonce = find_target_nonce(head.target);
  return head;
}

}  // namespace egressproof::target
