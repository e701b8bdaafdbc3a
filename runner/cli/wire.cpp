#include "runner/cli/wire.h"

#include <algorithm>
#include <cctype>

#include "probe/codec.h"

namespace egressproof::cli {
namespace {

using probe::Protocol;

// The nonce of a plan that nothing carries out says nothing: shown as its placeholder. Bytes that a terminal would act
// on are shown as \xNN.
std::string shown(const std::string& text, const std::string& nonce) {
  std::string plain = text;
  for (std::size_t at = nonce.empty() ? std::string::npos : plain.find(nonce); at != std::string::npos;
       at = plain.find(nonce, at))
    plain.replace(at, nonce.size(), "{nonce}");
  std::string out;
  constexpr const char* digits = "0123456789abcdef";
  for (const char c : plain) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

std::string fields_text(const probe::Fields& fields, const std::string& nonce) {
  std::string text;
  for (const auto& [name, value] : fields)
    text += (text.empty() ? "" : " | ") + shown(name, nonce) + ": " + shown(value, nonce);
  return text;
}

std::string endpoint(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::string tls_line(const probe::Attempt& attempt) {
  std::string line = "TLS: ";
  line += attempt.sni && !attempt.sni->empty() ? "SNI " + shown(*attempt.sni, attempt.nonce) : "no SNI";
  std::string alpn;
  for (const std::string& one : attempt.alpn) alpn += (alpn.empty() ? "" : " ") + shown(one, attempt.nonce);
  if (!alpn.empty()) line += ", ALPN " + alpn;
  if (attempt.ech_extension) line += ", encrypted_client_hello";
  if (!attempt.tls_version.empty()) line += ", version " + attempt.tls_version + " alone";
  if (attempt.hello_segments > 1)
    line += ", the ClientHello in " + std::to_string(attempt.hello_segments) + " TCP segments";
  if (attempt.outer)
    line += ", within mutual TLS by the workload's certificate with SNI " + shown(attempt.outer->sni, attempt.nonce);
  if (attempt.protocol == Protocol::tls) line += " (handshake only)";
  return line;
}

std::string datagrams_of(const probe::Attempt& attempt) {
  switch (attempt.protocol) {
    case Protocol::icmp:
      return "echo requests";
    case Protocol::ip:
      return "packets of IP protocol " + std::to_string(attempt.ip_protocol);
    case Protocol::syn:
      return "SYNs of its own";
    default:
      return "datagrams";
  }
}

}  // namespace

std::vector<std::string> wire_lines(const probe::Attempt& attempt) {
  const auto text = [&](const std::string& one) { return shown(one, attempt.nonce); };
  if (attempt.protocol == Protocol::dns)
    return {"DNS: asks " + (attempt.server.empty() ? "the pod's resolver" : attempt.server) + " for " +
            attempt.query_type + " of " + text(attempt.name)};
  std::vector<std::string> lines;
  if (attempt.address.empty())
    lines.push_back("resolves " + text(attempt.name) + ", dials port " + std::to_string(attempt.port) + " there");
  else
    lines.push_back("dials " +
                    (probe::is_portless(attempt.protocol) ? attempt.address : endpoint(attempt.address, attempt.port)));
  if (attempt.over_tls || attempt.protocol == Protocol::tls) lines.push_back(tls_line(attempt));
  if (attempt.protocol == Protocol::tcp) lines.push_back("sends \"" + text(attempt.payload) + "\"");
  if (probe::sends_datagrams(attempt.protocol))
    lines.push_back("sends " + datagrams_of(attempt) + " with \"" + text(attempt.payload) + "\"");
  if (attempt.protocol != Protocol::http1 && attempt.protocol != Protocol::http2) return lines;
  const std::string version = attempt.protocol == Protocol::http2 ? "HTTP/2" : "HTTP/1.1";
  const char* authority = attempt.protocol == Protocol::http2 ? ":authority" : "Host";
  if (attempt.earlier)
    lines.push_back(version + " first on the same connection: GET " + text(attempt.earlier->path) + ", " + authority +
                    ": " + text(attempt.earlier->host));
  std::string request = version + " ";
  if (!attempt.fields.empty() && attempt.protocol == Protocol::http2)
    request += fields_text(attempt.fields, attempt.nonce);
  else
    request += attempt.method + " " + text(attempt.path) +
               (attempt.fields.empty() ? std::string(", ") + authority + ": " + text(attempt.host)
                                       : ", " + fields_text(attempt.fields, attempt.nonce));
  if (!attempt.headers.empty()) request += " | " + fields_text(attempt.headers, attempt.nonce);
  lines.push_back(std::move(request));
  if (attempt.follow_redirects > 0)
    lines.push_back("follows " + std::to_string(attempt.follow_redirects) +
                    (attempt.follow_redirects == 1 ? " redirect" : " redirects"));
  return lines;
}

std::string code_of(const scenario::Expectation& expectation) {
  const auto letter = [&] {
    switch (expectation.expect) {
      case scenario::Expect::allow:
        return "A";
      case scenario::Expect::deny:
        return "D";
      case scenario::Expect::reroute:
        return "R";
      case scenario::Expect::leak:
        return "L";
      case scenario::Expect::outage:
        return "X";
    }
    return "?";
  }();
  return std::string(letter) + (expectation.stance == scenario::Stance::implementation_defined ? "~" : "");
}

std::string sentence_of(const plan::Cell& cell) {
  std::string target = cell.target.fixture;
  if (!cell.target.host.empty()) target += " with Host " + shown(cell.target.host, "");
  std::string text;
  switch (cell.expectation.expect) {
    case scenario::Expect::allow:
      text = "allow: arrives at " + target;
      break;
    case scenario::Expect::deny:
      text = "deny: nothing may arrive at " + target;
      break;
    case scenario::Expect::reroute:
      text = "reroute: arrives at " + cell.rerouted_to + " instead, nothing at " + target;
      break;
    case scenario::Expect::leak:
      text = "leak: a documented hole, arrives at " + target + " although it must not";
      break;
    case scenario::Expect::outage:
      text = "outage: " + target + " is out of order, which must not be taken for a denial";
      break;
  }
  if (cell.expectation.stance == scenario::Stance::implementation_defined)
    text += " (implementation-defined: recorded, not demanded)";
  return text;
}

}  // namespace egressproof::cli
