#include "probe/signature.h"

#include <algorithm>
#include <charconv>

#include "base/crypto.h"
#include "base/object_reader.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t id_digits = 32;
constexpr std::size_t mac_digits = 64;
constexpr std::size_t longest_run = 128;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Takes "KEY=VALUE" and the ';' after it off the front; false: something else stands there.
bool take(std::string_view& rest, std::string_view key, std::string& value) {
  if (rest.substr(0, key.size()) != key) return false;
  rest.remove_prefix(key.size());
  const std::size_t end = rest.find(';');
  value = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return true;
}

}  // namespace

bool is_run_id(std::string_view text) {
  return !text.empty() && text.size() <= longest_run &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
             std::string_view::npos;
}

std::string batch_mac(std::string_view key, const BatchSignature& signature, std::string_view body) {
  return hmac_sha256_hex(key, "egressproof batch v1\n" + signature.run + "\n" +
                                  std::to_string(signature.issued.count()) + "\n" + signature.id + "\n" +
                                  sha256_hex(body));
}

std::string result_mac(std::string_view key, const std::string& id, std::string_view earlier) {
  return hmac_sha256_hex(key, "egressproof result v1\n" + id + "\n" + sha256_hex(earlier));
}

BatchSignature sign_batch(std::string_view key, const std::string& run, std::string_view body) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  BatchSignature made{run, std::chrono::duration_cast<std::chrono::milliseconds>(now), random_hex(id_digits / 2), {}};
  made.mac = batch_mac(key, made, body);
  return made;
}

std::string encode(const BatchSignature& signature) {
  return "v1;run=" + signature.run + ";issued=" + std::to_string(signature.issued.count()) + ";id=" + signature.id +
         ";mac=" + signature.mac;
}

Result<BatchSignature> decode_batch_signature(std::string_view value) {
  std::string_view rest = value;
  std::string version;
  std::string issued;
  BatchSignature made;
  std::int64_t milliseconds = 0;
  bool good = take(rest, "v1", version) && version.empty() && take(rest, "run=", made.run) &&
              take(rest, "issued=", issued) && take(rest, "id=", made.id) && take(rest, "mac=", made.mac) &&
              is_run_id(made.run) && is_hex(made.id, id_digits) && is_hex(made.mac, mac_digits);
  const auto [end, error] = std::from_chars(issued.data(), issued.data() + issued.size(), milliseconds);
  good = good && error == std::errc{} && end == issued.data() + issued.size() && milliseconds >= 0;
  made.issued = std::chrono::milliseconds(milliseconds);
  // One value has one spelling: no leading zeros, nothing behind it.
  if (!good || encode(made) != value) return fail(ErrorKind::usage, "the signature is malformed");
  return made;
}

std::string encode(const ResultSignature& signature) {
  return Json{{"type", "signature"}, {"id", signature.id}, {"mac", signature.mac}}.dump();
}

Result<ResultSignature> decode_result_signature(std::string_view line) {
  ObjectReader reader(line);
  std::string type;
  ResultSignature made;
  reader.text("type", type, true);
  reader.text("id", made.id, true);
  reader.text("mac", made.mac, true);
  if (type != "signature") reader.complain("type", "it is no signature");
  if (!is_hex(made.id, id_digits)) reader.complain("id", "'id' is not 32 hex digits");
  if (!is_hex(made.mac, mac_digits)) reader.complain("mac", "'mac' is not 64 hex digits");
  if (!reader.finish()) return fail(ErrorKind::usage, reader.problem().message);
  return made;
}

}  // namespace egressproof::probe
