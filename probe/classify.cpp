#include "probe/classify.h"

#include <curl/curl.h>

#include <cerrno>
#include <regex>

namespace egressproof::probe {
namespace {

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

Code tls_code(const CurlResult& result) {
  if (has(result.text, "alert")) return Code::tls_alert;
  if (has(result.text, "reset by peer") || result.os_error == ECONNRESET) return Code::tls_reset;
  if (has(result.text, "wrong version number") || has(result.text, "packet length")) return Code::protocol_error;
  return Code::tls_closed;
}

}  // namespace

Code classify_errno(Stage stage, int error) {
  switch (error) {
    case ECONNREFUSED:
      return stage == Stage::connect ? Code::connect_refused : Code::response_reset;
    case ENETUNREACH:
    case EHOSTUNREACH:
      return stage == Stage::connect ? Code::connect_unreachable : Code::response_reset;
    case ETIMEDOUT:
      return stage == Stage::connect ? Code::connect_timeout : Code::response_timeout;
    case ECONNRESET:
    case EPIPE:
      if (stage == Stage::connect) return Code::connect_reset;
      if (stage == Stage::tls) return Code::tls_reset;
      return stage == Stage::request ? Code::request_reset : Code::response_reset;
    default:
      return Code::local_error;
  }
}

Code classify(const CurlResult& result) {
  switch (result.code) {
    case CURLE_OK:
      return Code::ok;
    case CURLE_COULDNT_CONNECT:
      return classify_errno(Stage::connect, static_cast<int>(result.os_error));
    case CURLE_SSL_CONNECT_ERROR:
      return tls_code(result);
    case CURLE_PEER_FAILED_VERIFICATION:
      return Code::tls_certificate;
    case CURLE_SEND_ERROR:
      return result.stage == Stage::tls ? tls_code(result) : Code::request_reset;
    case CURLE_RECV_ERROR:
      if (result.stage == Stage::tls) return tls_code(result);
      return has(result.text, "reset") || result.os_error == ECONNRESET ? Code::response_reset : Code::response_closed;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return Code::response_closed;
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Code::protocol_error;
    case CURLE_OPERATION_TIMEDOUT:
      if (result.stage == Stage::connect) return Code::connect_timeout;
      return result.stage == Stage::tls ? Code::tls_timeout : Code::response_timeout;
    default:
      return Code::local_error;
  }
}

std::optional<Answer> find_answer(const std::string& bytes) {
  static const std::regex form(
      "egressproof fixture=([a-z0-9-]{1,64}) nonce=([0-9a-f]{32}|-) receipt=([0-9]{1,18}) mac=([0-9a-f]{64})\n");
  std::smatch found;
  if (!std::regex_search(bytes, found, form)) return std::nullopt;
  return Answer{found[1], found[2], std::stoull(found[3]), found[4]};
}

std::string escape(const std::string& bytes, std::size_t limit) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && c != '\\') {
      text += c;
    } else {
      text += "\\x";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  return text;
}

}  // namespace egressproof::probe
