#include "probe/transfer.h"

#include <openssl/ssl.h>

#include <array>
#include <cstring>

#include "probe/classify.h"

namespace egressproof::probe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned ech_extension_type = 0xfe0d;  // RFC 9849
constexpr std::size_t max_body = 1 << 20;

std::chrono::microseconds now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
}

std::string bracketed(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

bool uses_tls(const Attempt& attempt) { return attempt.over_tls || attempt.protocol == Protocol::tls; }

int transfer_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int add_ech(SSL*, unsigned, unsigned, const unsigned char** out, std::size_t* size, X509*, std::size_t, int*,
            void* text) {
  const auto* bytes = static_cast<const std::string*>(text);
  *out = reinterpret_cast<const unsigned char*>(bytes->data());
  *size = bytes->size();
  return 1;
}

curl_off_t time_of(CURL* easy, CURLINFO info) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

}  // namespace

Transfer::Transfer(const Attempt& attempt, const std::string& address, const std::string& ca_file)
    : attempt_(attempt), easy_(curl_easy_init()), begun_(Clock::now()), started_at_(now()) {
  prepare(address, ca_file);
}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
}

std::string Transfer::filled(const std::string& text) const {
  std::string out = text;
  static constexpr std::string_view mark = "{nonce}";
  for (std::size_t at = out.find(mark); at != std::string::npos; at = out.find(mark, at + attempt_.nonce.size()))
    out.replace(at, mark.size(), attempt_.nonce);
  return out;
}

bool Transfer::connect_only() const { return attempt_.protocol == Protocol::tls || attempt_.protocol == Protocol::tcp; }

void Transfer::prepare(const std::string& address, const std::string& ca_file) {
  sni_ = filled(attempt_.sni.value_or(""));
  ech_ = std::string(1, '\0') + attempt_.nonce;
  std::vector<std::string> alpn = attempt_.alpn;
  if (alpn.empty() && attempt_.protocol == Protocol::http1) alpn = {"http/1.1"};
  if (alpn.empty() && attempt_.protocol == Protocol::http2) alpn = {"h2"};
  if (alpn.empty()) alpn = {"h2", "http/1.1"};
  alpn.push_back("ep-" + attempt_.nonce);  // so that a ClientHello alone carries the nonce
  for (const std::string& one : alpn) alpn_wire_ += static_cast<char>(one.size()) + one;

  const auto set = [&](auto option, auto value) { curl_easy_setopt(easy_, option, value); };
  const bool tls = uses_tls(attempt_);
  // The URL's host is only a label for libcurl: address, SNI and Host are each set on their own.
  set(CURLOPT_URL,
      ((tls ? "https://attempt.invalid:" : "http://attempt.invalid:") + std::to_string(attempt_.port) + "/").c_str());
  connect_to_ = curl_slist_append(nullptr, ("::" + bracketed(address) + ":" + std::to_string(attempt_.port)).c_str());
  set(CURLOPT_CONNECT_TO, connect_to_);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PRIVATE, this);
  if (tls) {
    set(CURLOPT_SSL_VERIFYHOST, 0L);
    set(CURLOPT_SSL_VERIFYPEER, ca_file.empty() ? 0L : 1L);
    if (!ca_file.empty()) set(CURLOPT_CAINFO, ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_ssl_ctx);
    set(CURLOPT_SSL_CTX_DATA, this);
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  }
  if (connect_only()) {
    set(CURLOPT_CONNECT_ONLY, 1L);
    unsent_ = filled(attempt_.payload);
    return;
  }
  set(CURLOPT_HTTP_VERSION, static_cast<long>(attempt_.protocol == Protocol::http1 ? CURL_HTTP_VERSION_1_1
                                              : tls                                ? CURL_HTTP_VERSION_2TLS
                                                    : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
  set(CURLOPT_CUSTOMREQUEST, attempt_.method.c_str());
  if (attempt_.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_REQUEST_TARGET, filled(attempt_.path).c_str());
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  headers_ = curl_slist_append(nullptr, ("Host: " + filled(attempt_.host)).c_str());
  headers_ = curl_slist_append(headers_, ("egressproof-nonce: " + attempt_.nonce).c_str());
  for (const auto& [name, value] : attempt_.headers)
    headers_ = curl_slist_append(headers_, (filled(name) + (value.empty() ? ";" : ": " + filled(value))).c_str());
  set(CURLOPT_HTTPHEADER, headers_);
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& body = static_cast<Transfer*>(self)->body_;
  if (body.size() < max_body) body.append(data, size * count);
  return size * count;
}

CURLcode Transfer::on_ssl_ctx(CURL*, void* ctx_pointer, void* self) {
  auto* ctx = static_cast<SSL_CTX*>(ctx_pointer);
  auto& transfer = *static_cast<Transfer*>(self);
  const auto* wire = reinterpret_cast<const unsigned char*>(transfer.alpn_wire_.data());
  if (SSL_CTX_set_alpn_protos(ctx, wire, static_cast<unsigned>(transfer.alpn_wire_.size())) != 0)
    return CURLE_SSL_CERTPROBLEM;
  SSL_CTX_set_ex_data(ctx, transfer_index(), self);
  SSL_CTX_set_info_callback(ctx, [](const SSL* ssl, int where, int value) { on_ssl_info(ssl, where, value); });
  if (transfer.attempt_.ech_extension &&
      SSL_CTX_add_custom_ext(
          ctx, ech_extension_type, SSL_EXT_CLIENT_HELLO, add_ech, nullptr, &transfer.ech_,
          [](SSL*, unsigned, unsigned, const unsigned char*, std::size_t, X509*, std::size_t, int*, void*) {
            return 1;
          },
          nullptr) != 1)
    return CURLE_SSL_CERTPROBLEM;
  return CURLE_OK;
}

// libcurl lower-cases the name and strips its final dot; the attempt's bytes are put in its place before the
// ClientHello.
void Transfer::on_ssl_info(const void* pointer, int where, int) {
  auto* ssl = const_cast<SSL*>(static_cast<const SSL*>(pointer));
  auto* self = static_cast<Transfer*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), transfer_index()));
  if ((where & SSL_CB_HANDSHAKE_START) != 0) {
    char* name = self->sni_.empty() ? nullptr : self->sni_.data();
    SSL_set_tlsext_host_name(ssl, name);
  }
  if ((where & SSL_CB_HANDSHAKE_DONE) == 0) return;
  self->tls_version_ = SSL_get_version(ssl);
  const unsigned char* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &size);
  if (size > 0) self->alpn_.assign(reinterpret_cast<const char*>(alpn), size);
  if (X509* peer = SSL_get0_peer_certificate(ssl)) {
    std::array<char, 256> name{};
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name.data(), name.size()) > 0)
      self->certificate_ = name.data();
  }
}

Stage Transfer::stage() const {
  if (raw_) return Stage::response;
  if (time_of(easy_, CURLINFO_CONNECT_TIME_T) == 0) return Stage::connect;
  if (uses_tls(attempt_) && time_of(easy_, CURLINFO_APPCONNECT_TIME_T) == 0) return Stage::tls;
  return time_of(easy_, CURLINFO_PRETRANSFER_TIME_T) == 0 ? Stage::request : Stage::response;
}

std::chrono::milliseconds Transfer::stage_age() const {
  auto since = begun_;
  switch (stage()) {
    case Stage::tls:
      since += std::chrono::microseconds(time_of(easy_, CURLINFO_CONNECT_TIME_T));
      break;
    case Stage::request:
    case Stage::response:
      since = raw_ ? connected_
                   : begun_ + std::chrono::microseconds(std::max(time_of(easy_, CURLINFO_CONNECT_TIME_T),
                                                                 time_of(easy_, CURLINFO_APPCONNECT_TIME_T)));
      break;
    default:
      break;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since);
}

int Transfer::socket() const {
  curl_socket_t fd = CURL_SOCKET_BAD;
  curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &fd);
  return fd;
}

void Transfer::finished(CURLcode code) {
  if (code == CURLE_OK && attempt_.protocol == Protocol::tcp) {
    raw_ = true;
    connected_ = Clock::now();
    return;
  }
  long os_error = 0;
  curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
  reached_ = stage();
  code_ = classify({code, os_error, error_, reached_});
  if (code_ == Code::ok && attempt_.protocol == Protocol::tls) reached_ = Stage::tls;
  finished_at_ = now();
}

void Transfer::timed_out() {
  reached_ = stage();
  code_ = reached_ == Stage::connect ? Code::connect_timeout
          : reached_ == Stage::tls   ? Code::tls_timeout
                                     : Code::response_timeout;
  finished_at_ = now();
}

bool Transfer::exchange_raw() {
  const auto end = [&](Stage stage, Code code) {
    reached_ = stage;
    code_ = code;
    finished_at_ = now();
    return true;
  };
  while (!unsent_.empty()) {
    std::size_t sent = 0;
    const CURLcode code = curl_easy_send(easy_, unsent_.data(), unsent_.size(), &sent);
    if (code == CURLE_AGAIN) break;
    if (code != CURLE_OK) return end(Stage::request, Code::request_reset);
    unsent_.erase(0, sent);
  }
  for (;;) {
    std::array<char, 16384> buffer{};
    std::size_t got = 0;
    const CURLcode code = curl_easy_recv(easy_, buffer.data(), buffer.size(), &got);
    if (code == CURLE_AGAIN) return false;
    if (code != CURLE_OK) {
      long os_error = 0;
      curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
      return end(Stage::response, os_error == ECONNRESET ? Code::response_reset : Code::response_closed);
    }
    if (got == 0) return end(Stage::response, body_.empty() ? Code::response_closed : Code::ok);
    body_.append(buffer.data(), got);
    if (find_answer(body_)) return end(Stage::response, Code::ok);
    if (body_.size() > max_body) return end(Stage::response, Code::protocol_error);
  }
}

Observation Transfer::observe() const {
  Observation seen;
  seen.sequence = attempt_.sequence;
  seen.attempt_id = attempt_.id;
  seen.nonce = attempt_.nonce;
  seen.code = code_;
  seen.reached = reached_;
  seen.started_at = started_at_;
  seen.finished_at = finished_at_;
  const curl_off_t connect = time_of(easy_, CURLINFO_CONNECT_TIME_T);
  const curl_off_t tls = time_of(easy_, CURLINFO_APPCONNECT_TIME_T);
  const auto total = (finished_at_ - started_at_).count();
  const auto add = [&](Stage stage, curl_off_t took) {
    seen.stages.push_back(
        {stage, stage == reached_ ? code_ : Code::ok, std::chrono::microseconds(std::max<curl_off_t>(0, took))});
  };
  add(Stage::connect, reached_ == Stage::connect ? total : connect);
  if (reached_ != Stage::connect && uses_tls(attempt_))
    add(Stage::tls, reached_ == Stage::tls && tls == 0 ? total - connect : tls - connect);
  if (reached_ == Stage::request) add(Stage::request, total - std::max(connect, tls));
  if (reached_ == Stage::response) add(Stage::response, total - std::max(connect, tls));
  const auto end_of = [&](CURLINFO address, CURLINFO port) -> std::string {
    const char* text = nullptr;
    long number = 0;
    curl_easy_getinfo(easy_, address, &text);
    curl_easy_getinfo(easy_, port, &number);
    return text == nullptr || *text == '\0' ? "" : bracketed(text) + ":" + std::to_string(number);
  };
  seen.peer = end_of(CURLINFO_PRIMARY_IP, CURLINFO_PRIMARY_PORT);
  seen.local = end_of(CURLINFO_LOCAL_IP, CURLINFO_LOCAL_PORT);
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (status > 0) seen.http_status = static_cast<int>(status);
  long version = 0;
  curl_easy_getinfo(easy_, CURLINFO_HTTP_VERSION, &version);
  if (status > 0)
    seen.http_version = version == CURL_HTTP_VERSION_2_0 ? "2" : version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1";
  curl_header* header = nullptr;
  if (curl_easy_header(easy_, "server", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) seen.server_header = header->value;
  seen.alpn = alpn_;
  seen.tls_version = tls_version_;
  seen.certificate = certificate_;
  seen.answer = find_answer(body_);
  seen.body_excerpt = escape(body_, 512);
  seen.bytes_received = body_.size();
  seen.detail = error_;
  return seen;
}

}  // namespace egressproof::probe
