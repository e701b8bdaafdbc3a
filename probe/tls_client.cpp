#include "probe/tls_client.h"

#include <array>
#include <utility>
#include <vector>

#include "probe/request.h"

namespace egressproof::probe {
namespace {

constexpr unsigned ech_extension_type = 0xfe0d;  // RFC 9849

int client_index() {
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

// ECHClientHello of type outer (RFC 9849, 5), well-formed as that of a client that only pretends (GREASE, 6.2): a
// malformed one is refused by the TLS library of any proxy that looks at the ClientHello. The encapsulated key is the
// nonce.
std::string grease_ech(const std::string& nonce) {
  static constexpr std::size_t payload_size = 144;
  std::string bytes{'\0', '\0', '\1', '\0', '\1', '\x2a'};  // outer, HKDF-SHA256, AES-128-GCM, config_id
  const auto put = [&](const std::string& field) {
    bytes += static_cast<char>(field.size() >> 8);
    bytes += static_cast<char>(field.size() & 0xff);
    bytes += field;
  };
  put(nonce);
  std::string payload;
  while (payload.size() < payload_size) payload += nonce;
  payload.resize(payload_size);
  put(payload);
  return bytes;
}

int accept_ech(SSL*, unsigned, unsigned, const unsigned char*, std::size_t, X509*, std::size_t, int*, void*) {
  return 1;
}

}  // namespace

TlsClient::TlsClient(const Attempt& attempt, std::function<void()> started)
    : started_(std::move(started)),
      sni_(fill_nonce(attempt.sni.value_or(""), attempt.nonce)),
      ech_(grease_ech(attempt.nonce)),
      with_ech_(attempt.ech_extension),
      tls_version_(attempt.tls_version.empty()    ? 0
                   : attempt.tls_version == "1.2" ? TLS1_2_VERSION
                                                  : TLS1_3_VERSION),
      hello_segments_(attempt.hello_segments) {
  std::vector<std::string> alpn = attempt.alpn;
  if (alpn.empty() && attempt.protocol == Protocol::http1) alpn = {"http/1.1"};
  if (alpn.empty() && attempt.protocol == Protocol::http2) alpn = {"h2"};
  if (alpn.empty() && attempt.protocol == Protocol::tls) alpn = {"h2", "http/1.1"};
  alpn.push_back("ep-" + attempt.nonce);  // so that a ClientHello alone carries the nonce
  for (const std::string& one : alpn) alpn_wire_ += static_cast<char>(one.size()) + one;
}

bool TlsClient::install(SSL_CTX* ctx) {
  const auto* wire = reinterpret_cast<const unsigned char*>(alpn_wire_.data());
  if (SSL_CTX_set_alpn_protos(ctx, wire, static_cast<unsigned>(alpn_wire_.size())) != 0) return false;
  if (tls_version_ != 0 &&
      (SSL_CTX_set_min_proto_version(ctx, tls_version_) != 1 || SSL_CTX_set_max_proto_version(ctx, tls_version_) != 1))
    return false;
  if (hello_segments_ > 1) {
    segments_ = make_hello_segments(hello_segments_);
    if (!segments_) return false;
  }
  SSL_CTX_set_ex_data(ctx, client_index(), this);
  SSL_CTX_set_info_callback(ctx, on_info);
  return !with_ech_ || SSL_CTX_add_custom_ext(ctx, ech_extension_type, SSL_EXT_CLIENT_HELLO, add_ech, nullptr, &ech_,
                                              accept_ech, nullptr) == 1;
}

void TlsClient::on_info(const SSL* ssl, int where, int) {
  auto* self = static_cast<TlsClient*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), client_index()));
  if ((where & SSL_CB_HANDSHAKE_START) != 0 && self->version_.empty()) self->starting(const_cast<SSL*>(ssl));
  if ((where & SSL_CB_HANDSHAKE_DONE) != 0) self->completed(ssl);
}

// libcurl lower-cases the name and strips its final dot; the attempt's bytes are put in its place.
void TlsClient::starting(SSL* ssl) {
  SSL_set_tlsext_host_name(ssl, sni_.empty() ? nullptr : sni_.data());
  if (segments_) put_before(ssl, std::move(segments_));
  started_();
}

void TlsClient::completed(const SSL* ssl) {
  version_ = SSL_get_version(ssl);
  const unsigned char* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &size);
  if (size > 0) alpn_.assign(reinterpret_cast<const char*>(alpn), size);
  if (const X509* peer = SSL_get0_peer_certificate(ssl)) {
    std::array<char, 256> name{};
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name.data(), name.size()) > 0)
      certificate_ = name.data();
  }
}

}  // namespace egressproof::probe
