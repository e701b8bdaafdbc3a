#include <array>
#include <utility>

#include "base/crypto.h"
#include "probe/codec.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t nonce_digits = 32;

template <class Value, std::size_t size>
using Names = std::array<std::pair<Value, std::string_view>, size>;

constexpr Names<Protocol, 9> protocols{{{Protocol::http1, "http/1.1"},
                                        {Protocol::http2, "http/2"},
                                        {Protocol::tls, "tls"},
                                        {Protocol::tcp, "tcp"},
                                        {Protocol::dns, "dns"},
                                        {Protocol::udp, "udp"},
                                        {Protocol::icmp, "icmp"},
                                        {Protocol::ip, "ip"},
                                        {Protocol::syn, "syn"}}};

constexpr Names<Stage, 5> stages{{{Stage::resolve, "resolve"},
                                  {Stage::connect, "connect"},
                                  {Stage::tls, "tls"},
                                  {Stage::request, "request"},
                                  {Stage::response, "response"}}};

constexpr Names<Code, 21> codes{{{Code::ok, "ok"},
                                 {Code::name_not_found, "name_not_found"},
                                 {Code::name_no_data, "name_no_data"},
                                 {Code::name_server_failure, "name_server_failure"},
                                 {Code::name_timeout, "name_timeout"},
                                 {Code::connect_refused, "connect_refused"},
                                 {Code::connect_timeout, "connect_timeout"},
                                 {Code::connect_unreachable, "connect_unreachable"},
                                 {Code::connect_reset, "connect_reset"},
                                 {Code::tls_closed, "tls_closed"},
                                 {Code::tls_reset, "tls_reset"},
                                 {Code::tls_alert, "tls_alert"},
                                 {Code::tls_timeout, "tls_timeout"},
                                 {Code::tls_certificate, "tls_certificate"},
                                 {Code::request_reset, "request_reset"},
                                 {Code::response_closed, "response_closed"},
                                 {Code::response_reset, "response_reset"},
                                 {Code::response_timeout, "response_timeout"},
                                 {Code::protocol_error, "protocol_error"},
                                 {Code::unsupported, "unsupported"},
                                 {Code::local_error, "local_error"}}};

template <class Value, std::size_t size>
std::string name_of(const Names<Value, size>& names, Value value) {
  for (const auto& [one, name] : names)
    if (one == value) return std::string(name);
  return "?";
}

template <class Value, std::size_t size>
Result<Value> value_of(const Names<Value, size>& names, std::string_view text, const std::string& what) {
  for (const auto& [value, name] : names)
    if (name == text) return value;
  return fail(ErrorKind::usage, "unknown " + what + " '" + std::string(text) + "'");
}

}  // namespace

std::string to_string(Protocol protocol) { return name_of(protocols, protocol); }
std::string to_string(Stage stage) { return name_of(stages, stage); }
std::string to_string(Code code) { return name_of(codes, code); }
Result<Protocol> protocol_from(std::string_view text) { return value_of(protocols, text, "protocol"); }
Result<Stage> stage_from(std::string_view text) { return value_of(stages, text, "stage"); }
Result<Code> code_from(std::string_view text) { return value_of(codes, text, "code"); }

std::string earlier_nonce(const std::string& nonce) { return sha256_hex(nonce + "/earlier").substr(0, nonce_digits); }

}  // namespace egressproof::probe
