#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "probe/codec.h"
#include "runner/report/explain.h"
#include "runner/report/printable.h"
#include "runner/report/report.h"

namespace egressproof::report {
namespace {

using probe::Attempt;
using probe::Protocol;
using Words = std::vector<std::string>;

bool is_http(const Attempt& attempt) {
  return attempt.protocol == Protocol::http1 || attempt.protocol == Protocol::http2;
}

bool over_tls(const Attempt& attempt) { return attempt.over_tls || attempt.protocol == Protocol::tls; }

bool is_literal(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), buffer) == 1 || ::inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

std::string bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

// curl takes SNI from the URL's host, in lower case and without a final dot, and sends none that looks like an address.
bool curl_keeps(const std::string& name) {
  static constexpr std::string_view kept = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  if (name.empty() || name.size() > 253 || name.find_first_not_of(kept) != std::string::npos || name.back() == '.')
    return false;
  const std::string last = name.substr(name.rfind('.') + 1);  // npos + 1 == 0
  const bool number = last.find_first_not_of("0123456789") == std::string::npos || last.rfind("0x", 0) == 0;
  return !number;
}

std::string filled(std::string text, const std::string& nonce) {
  static constexpr std::string_view mark = "{nonce}";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + nonce.size()))
    text.replace(at, mark.size(), nonce);
  return text;
}

// What an option cannot say: a NUL ends it, '@' at its start names a file, and a line break would be another header.
bool sendable_header(const std::string& text) {
  return !text.empty() && text.front() != '@' && text.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos;
}

// The ALPN lists that curl can offer; nullptr: it cannot offer this one.
const char* version_option(const Attempt& attempt) {
  const auto is = [&](const Words& list) { return attempt.alpn == list; };
  if (attempt.protocol == Protocol::http2) {
    if (!over_tls(attempt)) return "--http2-prior-knowledge";
    return attempt.alpn.empty() || is({"h2"}) || is({"h2", "http/1.1"}) ? "--http2" : nullptr;
  }
  if (attempt.protocol == Protocol::http1)
    return !over_tls(attempt) || attempt.alpn.empty() || is({"http/1.1"}) ? "--http1.1" : nullptr;
  if (is({"http/1.1"})) return "--http1.1";
  return attempt.alpn.empty() || is({"h2", "http/1.1"}) || is({"h2"}) ? "--http2" : nullptr;
}

bool curl_can(const Attempt& attempt) {
  if (attempt.protocol == Protocol::tcp || attempt.protocol == Protocol::dns ||
      probe::sends_datagrams(attempt.protocol))
    return false;
  if (attempt.ech_extension || attempt.outer || attempt.hello_segments > 1 || !attempt.fields.empty() ||
      version_option(attempt) == nullptr)
    return false;
  const std::string sni = filled(attempt.sni.value_or(""), attempt.nonce);
  if (over_tls(attempt) && !sni.empty() && !curl_keeps(sni)) return false;
  const std::string name = filled(attempt.name, attempt.nonce);
  if (attempt.address.empty() && !curl_keeps(name)) return false;
  // No SNI only for a URL with an address.
  if (over_tls(attempt) && sni.empty() && attempt.address.empty()) return false;
  return attempt.method.find('\0') == std::string::npos && !attempt.method.empty() &&
         attempt.path.find('\0') == std::string::npos;
}

std::string seconds(std::chrono::milliseconds limit) {
  return fmt::format("{}", std::chrono::duration<double>(limit).count());
}

// Options that belong to a connection.
Words connection_options(const Attempt& attempt, const std::string& url_host) {
  Words words = {"-sv", "--noproxy", "*", version_option(attempt)};
  const auto& limits = attempt.limits;
  words.insert(words.end(), {"--connect-timeout", seconds(limits.resolve + limits.connect + limits.tls), "--max-time",
                             seconds(limits.resolve + limits.connect + limits.tls + limits.response)});
  if (attempt.address.empty() && attempt.family != probe::Family::any)
    words.push_back(attempt.family == probe::Family::ipv4 ? "-4" : "-6");
  if (over_tls(attempt)) words.push_back("-k");
  if (!attempt.tls_version.empty())
    words.insert(words.end(), {"--tlsv" + attempt.tls_version, "--tls-max", attempt.tls_version});
  const std::string dialled = attempt.address.empty() ? filled(attempt.name, attempt.nonce) : attempt.address;
  if (url_host != dialled)
    words.insert(words.end(), {"--connect-to", fmt::format("{}:{}:{}:{}", bracketed(url_host), attempt.port,
                                                           bracketed(dialled), attempt.port)});
  return words;
}

// Whether curl sends the path of the URL as it stands.
bool plain_path(const std::string& path) {
  static constexpr std::string_view kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-_~=&?%:,+";
  return !path.empty() && path.front() == '/' && path.substr(0, 2) != "//" &&
         path.find_first_not_of(kept) == std::string::npos;
}

// One request with its URL. Empty: curl cannot send it.
Words request(const Attempt& attempt, const std::string& url_host, const std::string& nonce, const std::string& host,
              const std::string& raw_path, const std::string& method, const probe::Fields& headers) {
  Words words;
  if (method == "HEAD")
    words.emplace_back("-I");
  else if (method != "GET")
    words.insert(words.end(), {"-X", method});
  probe::Fields all = {{"Host", host}, {"egressproof-nonce", nonce}};
  all.insert(all.end(), headers.begin(), headers.end());
  words.insert(words.end(), {"-A", ""});
  for (const auto& [name, value] : all) {
    const std::string field = filled(name, nonce) + (value.empty() ? ";" : ": " + filled(value, nonce));
    if (!sendable_header(field)) return {};
    words.insert(words.end(), {"-H", field});
  }
  const std::string path = filled(raw_path, nonce);
  const bool plain = plain_path(path);
  if (!plain) words.insert(words.end(), {"--path-as-is", "--request-target", path});
  words.push_back((over_tls(attempt) ? "https://" : "http://") + bracketed(url_host) + ":" +
                  std::to_string(attempt.port) + (plain ? path : "/"));
  return words;
}

std::string shell_line(const Words& words) {
  Words quoted;
  std::transform(words.begin(), words.end(), std::back_inserter(quoted), shell_quoted);
  return joined(quoted, " ");
}

void append(Words& words, const Words& more) { words.insert(words.end(), more.begin(), more.end()); }

}  // namespace

std::string curl_line(const Attempt& attempt) {
  if (!curl_can(attempt)) return "";
  const std::string sni = over_tls(attempt) ? filled(attempt.sni.value_or(""), attempt.nonce) : "";
  const std::string dialled = attempt.address.empty() ? filled(attempt.name, attempt.nonce) : attempt.address;
  const std::string url_host = sni.empty() ? dialled : sni;
  if (sni.empty() && over_tls(attempt) && !is_literal(dialled)) return "";
  const Words connection = connection_options(attempt, url_host);
  Words words = {"curl", "-q"};
  append(words, connection);
  if (!is_http(attempt)) {
    append(words, {"-o", "/dev/null", "https://" + bracketed(url_host) + ":" + std::to_string(attempt.port) + "/"});
    return shell_line(words);
  }
  if (attempt.earlier) {
    const Words first = request(attempt, url_host, probe::earlier_nonce(attempt.nonce), attempt.earlier->host,
                                attempt.earlier->path, "GET", {{"egressproof-earlier", "1"}});
    if (first.empty()) return "";
    append(words, first);
    words.emplace_back("--next");
    append(words, connection);
  }
  if (attempt.follow_redirects > 0) append(words, {"-L", "--max-redirs", std::to_string(attempt.follow_redirects)});
  const Words main =
      request(attempt, url_host, attempt.nonce, attempt.host, attempt.path, attempt.method, attempt.headers);
  if (main.empty()) return "";
  append(words, main);
  return shell_line(words);
}

}  // namespace egressproof::report
