#include "runner/cli/manual_line.h"

#include "runner/report/printable.h"
#include "runner/report/report.h"

namespace egressproof::cli {
namespace {

using probe::Protocol;
using report::shell_quoted;

std::string with_nonce(std::string text, const std::string& nonce) {
  constexpr std::string_view placeholder = "{nonce}";
  for (std::size_t at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder, at + nonce.size()))
    text.replace(at, placeholder.size(), nonce);
  return text;
}

std::string openssl_line(const probe::Attempt& attempt) {
  const std::string host = attempt.address.empty() ? with_nonce(attempt.name, attempt.nonce) : attempt.address;
  const bool v6 = host.find(':') != std::string::npos;
  std::string line =
      "openssl s_client -connect " + shell_quoted((v6 ? "[" + host + "]" : host) + ":" + std::to_string(attempt.port));
  if (attempt.sni && !attempt.sni->empty())
    line += " -servername " + shell_quoted(with_nonce(*attempt.sni, attempt.nonce));
  else
    line += " -noservername";
  if (!attempt.tls_version.empty()) line += attempt.tls_version == "1.2" ? " -tls1_2" : " -tls1_3";
  // The probe's own marker: the receipt of the ClientHello is told by it.
  std::string alpn;
  for (const std::string& one : attempt.alpn) alpn += one + ",";
  return line + " -alpn " + shell_quoted(alpn + "ep-" + attempt.nonce) + " </dev/null";
}

std::string nc_line(const probe::Attempt& attempt) {
  const std::string host = attempt.address.empty() ? with_nonce(attempt.name, attempt.nonce) : attempt.address;
  return "printf %s " + shell_quoted(with_nonce(attempt.payload, attempt.nonce)) + " | nc -w 3 " + shell_quoted(host) +
         " " + std::to_string(attempt.port);
}

std::string dig_line(const probe::Attempt& attempt) {
  std::string line = "dig";
  if (!attempt.server.empty()) line += " @" + shell_quoted(attempt.server);
  if (attempt.port != 0 && attempt.port != 53) line += " -p " + std::to_string(attempt.port);
  return line + " " + shell_quoted(with_nonce(attempt.name, attempt.nonce)) + " " + shell_quoted(attempt.query_type);
}

}  // namespace

std::string manual_line(const probe::Attempt& attempt) {
  const bool beyond_openssl = attempt.ech_extension || attempt.outer || attempt.hello_segments > 1;
  if (attempt.protocol == Protocol::tls) return beyond_openssl ? "" : openssl_line(attempt);
  if (attempt.protocol == Protocol::tcp && !attempt.over_tls) return nc_line(attempt);
  if (attempt.protocol == Protocol::dns) return dig_line(attempt);
  return report::curl_line(attempt);
}

}  // namespace egressproof::cli
