#include "target/authority.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace egressproof::target {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
constexpr long hour_seconds = 3600;

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

Certificate blank(EVP_PKEY* key, const std::string& common_name) {
  Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -hour_seconds);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 7 * 24 * hour_seconds);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return made;
}

int select_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned length,
                void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  const int found =
      SSL_select_next_proto(const_cast<unsigned char**>(out), size, ours, sizeof ours - 1, offered, length);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Result<Authority> make_authority(const std::vector<Fixture>& fixtures) {
  Authority authority;
  const Key ca_key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  if (!ca_key) return fail(ErrorKind::internal, "OpenSSL: EVP_EC_gen(P-256)");
  const Certificate ca = blank(ca_key.get(), "egressproof fixtures");
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  if (!add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE") ||
      !add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
      X509_sign(ca.get(), ca_key.get(), EVP_sha256()) == 0)
    return fail(ErrorKind::internal, "OpenSSL: signing the fixtures' CA");
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(bio.get(), ca.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  authority.ca_pem.assign(data, static_cast<std::size_t>(size));

  for (const Fixture& fixture : fixtures) {
    const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const Certificate leaf = blank(key.get(), fixture.name);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get()));
    std::string names;
    for (const std::string& name : fixture.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
    for (const std::string& address : fixture.addresses) names += (names.empty() ? "IP:" : ",IP:") + address;
    if ((!names.empty() && !add_extension(leaf.get(), ca.get(), NID_subject_alt_name, names)) ||
        X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) == 0)
      return fail(ErrorKind::internal, "OpenSSL: signing the certificate of fixture '" + fixture.name + "'");
    const TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!context || SSL_CTX_use_certificate(context.get(), leaf.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
      return fail(ErrorKind::internal, "OpenSSL: the TLS context of fixture '" + fixture.name + "'");
    SSL_CTX_set_alpn_select_cb(context.get(), select_alpn, nullptr);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    authority.contexts[fixture.name] = context;
  }
  return authority;
}

}  // namespace egressproof::target
