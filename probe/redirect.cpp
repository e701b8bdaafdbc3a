#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "probe/request.h"

namespace egressproof::probe {
namespace {

constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

using Url = std::unique_ptr<CURLU, void (*)(CURLU*)>;

// Empty: the URL has no such part.
std::string part(CURLU* url, CURLUPart what, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, void (*)(void*)> owner(text, curl_free);
  return text;
}

bool is_literal(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), buffer) == 1 || ::inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

bool same_text(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string without_port(const std::string& authority) {
  const std::size_t bracket = authority.find(']');
  return authority.substr(0, authority.find(':', bracket == std::string::npos ? 0 : bracket));
}

// The URL that a client would believe to have fetched.
std::string url_of(const Attempt& attempt) {
  std::string host = without_port(fill_nonce(attempt.host, attempt.nonce));
  if (host.empty()) host = attempt.name.empty() ? attempt.address : fill_nonce(attempt.name, attempt.nonce);
  if (host.find(':') != std::string::npos && host.front() != '[') host = "[" + host + "]";
  const std::string path = fill_nonce(attempt.path, attempt.nonce);
  return (attempt.over_tls ? "https://" : "http://") + host + ":" + std::to_string(attempt.port) +
         (path.empty() || path.front() != '/' ? "/" : path);
}

// RFC 9110, 15.4: what a client may change a method into.
std::string method_after(const std::string& method, int status) {
  if (status == 303 && method != "HEAD") return "GET";
  return (status == 301 || status == 302) && method == "POST" ? "GET" : method;
}

}  // namespace

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::optional<Attempt> next_hop(const Attempt& attempt, int status, const std::string& location) {
  const Url url(curl_url(), curl_url_cleanup);
  constexpr unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS;
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, url_of(attempt).c_str(), flags) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), flags | CURLU_URLENCODE) != CURLUE_OK)
    return std::nullopt;
  const std::string scheme = part(url.get(), CURLUPART_SCHEME);
  const std::string host = part(url.get(), CURLUPART_HOST);
  if ((scheme != "http" && scheme != "https") || host.empty()) return std::nullopt;

  Attempt hop = attempt;
  hop.over_tls = scheme == "https";
  const std::uint16_t standard = hop.over_tls ? https_port : http_port;
  const std::string port = part(url.get(), CURLUPART_PORT);
  hop.port = port.empty() ? standard : static_cast<std::uint16_t>(std::stoul(port));
  const std::string bare = host.front() == '[' ? host.substr(1, host.size() - 2) : host;
  const bool literal = is_literal(bare);
  hop.name = literal ? "" : bare;
  hop.address = literal ? bare : "";
  hop.sni = literal ? std::nullopt : std::optional(bare);
  hop.host = hop.port == standard ? host : host + ":" + port;
  const std::string query = part(url.get(), CURLUPART_QUERY);
  hop.path = part(url.get(), CURLUPART_PATH) + (query.empty() ? "" : "?" + query);
  hop.method = method_after(attempt.method, status);
  hop.fields.clear();
  hop.http_version = "1.1";
  hop.earlier.reset();
  if (!same_text(bare, without_port(attempt.host)))
    std::erase_if(hop.headers, [](const auto& header) {
      return same_text(header.first, "authorization") || same_text(header.first, "cookie");
    });
  return hop;
}

}  // namespace egressproof::probe
