#include "probe/request.h"

#include <algorithm>
#include <cctype>

#include "probe/codec.h"

namespace egressproof::probe {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::string fill_nonce(const std::string& text, const std::string& nonce) {
  static constexpr std::string_view mark = "{nonce}";
  std::string out;
  std::size_t from = 0;
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, from)) {
    out.append(text, from, at - from).append(nonce);
    from = at + mark.size();
  }
  return out.append(text, from);
}

std::string http1_head(const Attempt& attempt) {
  const auto filled = [&](const std::string& text) { return fill_nonce(text, attempt.nonce); };
  std::string head = attempt.method + " " + filled(attempt.path) + " HTTP/" + attempt.http_version + "\r\n";
  const auto add = [&](const std::string& name, const std::string& value) {
    head.append(filled(name)).append(": ").append(filled(value)).append("\r\n");
  };
  if (attempt.fields.empty()) {
    add("Host", attempt.host);
    add("Accept", "*/*");
    add("egressproof-nonce", attempt.nonce);
    for (const auto& [name, value] : attempt.headers) add(name, value);
  }
  for (const auto& [name, value] : attempt.fields) add(name, value);
  return head + "\r\n";
}

Fields http2_block(const Attempt& attempt) {
  Fields block = attempt.fields;
  if (block.empty()) {
    block = {{":method", attempt.method},  {":path", attempt.path}, {":scheme", attempt.over_tls ? "https" : "http"},
             {":authority", attempt.host}, {"accept", "*/*"},       {"egressproof-nonce", attempt.nonce}};
    for (const auto& [name, value] : attempt.headers) block.emplace_back(lower(name), value);
  }
  for (auto& [name, value] : block) {
    name = fill_nonce(name, attempt.nonce);
    value = fill_nonce(value, attempt.nonce);
  }
  return block;
}

Attempt earlier_attempt(const Attempt& attempt) {
  Attempt earlier = attempt;
  earlier.nonce = earlier_nonce(attempt.nonce);
  earlier.host = attempt.earlier->host;
  earlier.path = attempt.earlier->path;
  earlier.method = "GET";
  earlier.headers = {{"egressproof-earlier", "1"}};
  earlier.fields.clear();
  earlier.http_version = "1.1";
  earlier.earlier.reset();
  return earlier;
}

}  // namespace egressproof::probe
