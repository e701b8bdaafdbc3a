#include "target/authority.h"

#include <openssl/pem.h>

#include "base/files.h"
#include "base/x509.h"

namespace egressproof::target {
namespace {

int select_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned length,
                void*) {
  static constexpr unsigned char ours[] = "\x02h2\x08http/1.1";  // in the order of preference
  const int found =
      SSL_select_next_proto(const_cast<unsigned char**>(out), size, ours, sizeof ours - 1, offered, length);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

Result<CertificateAuthority> load_ca(const Config& config) {
  const auto certificate = read_file(config.ca_certificate_file);
  if (!certificate) return tl::unexpected(certificate.error());
  const auto key = read_file(config.ca_key_file);
  if (!key) return tl::unexpected(key.error());
  auto ca = CertificateAuthority::load({*certificate, *key});
  if (!ca)
    ca.error().context.push_back("with the CA of '" + config.ca_certificate_file.string() + "' and '" +
                                 config.ca_key_file.string() + "'");
  return ca;
}

// nullptr: OpenSSL refused it.
TlsContext make_context(const KeyPair& pair) {
  const auto read = [](const std::string& pem, auto parse) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                        BIO_free);
    return parse(bio.get(), nullptr, nullptr, nullptr);
  };
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(read(pair.certificate, PEM_read_bio_X509), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(read(pair.key, PEM_read_bio_PrivateKey), EVP_PKEY_free);
  TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!certificate || !key || !context || SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
    return nullptr;
  SSL_CTX_set_alpn_select_cb(context.get(), select_alpn, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

}  // namespace

Result<Authority> make_authority(const Config& config) {
  const auto ca = config.ca_certificate_file.empty() && config.ca_key_file.empty()
                      ? CertificateAuthority::create("egressproof fixtures")
                      : load_ca(config);
  if (!ca) return tl::unexpected(ca.error());
  Authority authority;
  authority.ca_pem = ca->certificate();
  for (const Fixture& fixture : config.fixtures) {
    auto pair = ca->issue({fixture.name, fixture.dns_names, fixture.addresses, {}});
    if (!pair) {
      pair.error().context.push_back("for the certificate of fixture '" + fixture.name + "'");
      return tl::unexpected(pair.error());
    }
    authority.contexts[fixture.name] = make_context(*pair);
    if (!authority.contexts[fixture.name])
      return fail(ErrorKind::internal, "OpenSSL: the TLS context of fixture '" + fixture.name + "'");
  }
  return authority;
}

}  // namespace egressproof::target
