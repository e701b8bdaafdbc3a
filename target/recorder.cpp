#include "target/recorder.h"

#include "target/http_head.h"

namespace egressproof::target {
namespace {
constexpr std::size_t max_payload_told = 256;
constexpr std::string_view key_set_name = "/jwks.json";

// A JWK Set with the public key of RFC 7517, A.1, and the answer line as a member that nobody must understand: a proxy
// refuses a whole listener for keys that it cannot read.
std::string key_set_with(std::string line) {
  line.pop_back();  // a newline cannot stand in a string of JSON
  return R"({"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
         R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}],"answer":")" +
         line + "\"}\n";
}
}  // namespace

Receipt Recorder::receipt(ReceiptKind kind) const {
  Receipt made;
  made.connection = ends_.connection;
  made.kind = kind;
  made.fixture = fixture_.name;
  made.nonce = nonce_;
  made.local = ends_.local;
  made.peer = ends_.peer;
  return made;
}

Receipt Recorder::payload_receipt(std::string_view bytes, std::string_view searched) const {
  Receipt made = receipt(ReceiptKind::payload);
  std::string nonce = find_nonce(searched);
  if (!nonce.empty()) made.nonce = std::move(nonce);
  made.payload = std::string(bytes.substr(0, max_payload_told));
  return made;
}

std::optional<std::string> Recorder::answer(const Receipt& receipt) {
  const std::uint64_t number = journal_.write(receipt);
  if (number == 0) return std::nullopt;
  return encode_answer(fixture_, receipt.nonce, number);
}

std::optional<HttpReply> Recorder::answer_request(const Receipt& receipt) {
  auto line = answer(receipt);
  if (!line) return std::nullopt;
  if (receipt.path.ends_with(key_set_name)) return HttpReply{200, "", key_set_with(*line)};
  const auto location = redirect_location(receipt.path);
  return HttpReply{location ? 302 : 200, location.value_or(""), std::move(*line)};
}

}  // namespace egressproof::target
