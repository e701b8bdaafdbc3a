#include "probe/classify.h"

#include <curl/curl.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace egressproof::probe {
namespace {

constexpr std::string_view fixture_label = "egressproof fixture=";
constexpr std::size_t max_fixture = 64;
constexpr std::size_t max_receipt_digits = 18;

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

Code tls_code(const CurlResult& result) {
  if (has(result.text, " alert ")) return Code::tls_alert;
  if (has(result.text, "reset by peer") || result.os_error == ECONNRESET) return Code::tls_reset;
  if (has(result.text, "unexpected eof") || has(result.text, "SSL_ERROR_SYSCALL") ||
      result.code != CURLE_SSL_CONNECT_ERROR)
    return Code::tls_closed;
  return Code::protocol_error;
}

// Takes `label` and the characters of `alphabet` that follow it; "" if there is either none or more than `most`.
std::string take(std::string_view& rest, std::string_view label, std::string_view alphabet, std::size_t most) {
  if (rest.substr(0, label.size()) != label) return {};
  rest.remove_prefix(label.size());
  const std::size_t size = std::min(rest.find_first_not_of(alphabet), rest.size());
  if (size > most) return {};
  std::string token(rest.substr(0, size));
  rest.remove_prefix(size);
  return token;
}

std::optional<Answer> answer_at(std::string_view rest) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::size_t nonce_size = 32;
  constexpr std::size_t mac_size = 64;
  Answer answer;
  answer.fixture = take(rest, fixture_label, "abcdefghijklmnopqrstuvwxyz0123456789-", max_fixture);
  answer.nonce = take(rest, " nonce=", "0123456789abcdef-", nonce_size);
  const std::string receipt = take(rest, " receipt=", "0123456789", max_receipt_digits);
  answer.mac = take(rest, " mac=", hex, mac_size);
  const bool nonce_fits =
      answer.nonce == "-" || (answer.nonce.size() == nonce_size && answer.nonce.find('-') == std::string::npos);
  if (answer.fixture.empty() || !nonce_fits || receipt.empty() || answer.mac.size() != mac_size || rest.empty() ||
      (rest.front() != '\n' && rest.front() != '"'))
    return std::nullopt;
  answer.receipt = std::stoull(receipt);
  return answer;
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
      if (has(result.text, " alert ")) return Code::tls_alert;
      return has(result.text, "reset") || result.os_error == ECONNRESET ? Code::response_reset : Code::response_closed;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return Code::response_closed;
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
  for (std::size_t at = bytes.find(fixture_label); at != std::string::npos; at = bytes.find(fixture_label, at + 1))
    if (const auto answer = answer_at(std::string_view(bytes).substr(at))) return answer;
  return std::nullopt;
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
