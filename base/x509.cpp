#include "base/x509.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace egressproof {
namespace {

// OpenSSL's release functions as stateless deleters.
template <auto Free>
struct Release {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>>;
using Name = std::unique_ptr<GENERAL_NAME, Release<GENERAL_NAME_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Release<GENERAL_NAMES_free>>;

constexpr long hour_seconds = 3600;
constexpr long lifetime_seconds = 7 * 24 * hour_seconds;

template <class Write>
std::string pem(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  return pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string pem_of(const EVP_PKEY* key) {
  return pem([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool add_subject(X509* certificate, const char* field, const std::string& value) {
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), field, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

// Version 3 with serial, validity and key; nullptr if OpenSSL fails.
Certificate blank(EVP_PKEY* key) {
  Certificate made(X509_new());
  std::uint64_t serial = 0;
  if (!made || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return nullptr;
  serial = (serial >> 1) | 1;  // positive and not zero (RFC 5280, 4.1.2.2)
  const bool filled = X509_set_version(made.get(), X509_VERSION_3) == 1 &&
                      ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial) == 1 &&
                      X509_gmtime_adj(X509_getm_notBefore(made.get()), -hour_seconds) != nullptr &&
                      X509_gmtime_adj(X509_getm_notAfter(made.get()), lifetime_seconds) != nullptr &&
                      X509_set_pubkey(made.get(), key) == 1;
  return filled ? std::move(made) : nullptr;
}

tl::unexpected<Error> openssl_error(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return fail(ErrorKind::internal, "OpenSSL: " + what + (reason == nullptr ? "" : std::string(": ") + reason));
}

// Built name by name, never as configuration text: a comma in a name must not make two of it.
bool add_names(GENERAL_NAMES* names, int type, const std::vector<std::string>& values, std::string& refused) {
  for (const std::string& value : values) {
    Name name(a2i_GENERAL_NAME(nullptr, nullptr, nullptr, type, value.c_str(), 0));
    if (!name || sk_GENERAL_NAME_push(names, name.get()) == 0) {
      refused = value;
      return false;
    }
    static_cast<void>(name.release());  // the stack owns it
  }
  return true;
}

}  // namespace

struct CertificateAuthority::Impl {
  Key key;
  Certificate certificate;
  std::string pem;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority& CertificateAuthority::operator=(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

const std::string& CertificateAuthority::certificate() const { return impl_->pem; }

Result<CertificateAuthority> CertificateAuthority::create(const std::string& name) {
  auto impl = std::make_unique<Impl>();
  impl->key.reset(EVP_EC_gen("P-256"));
  if (!impl->key) return openssl_error("EVP_EC_gen(P-256)");
  impl->certificate = blank(impl->key.get());
  X509* ca = impl->certificate.get();
  if (ca == nullptr || !add_subject(ca, "O", "egressproof") || !add_subject(ca, "CN", name) ||
      X509_set_issuer_name(ca, X509_get_subject_name(ca)) != 1 ||
      !add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE") ||
      !add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(ca, ca, NID_subject_key_identifier, "hash") || X509_sign(ca, impl->key.get(), EVP_sha256()) == 0)
    return openssl_error("signing the CA '" + name + "'");
  impl->pem = pem_of(ca);
  return CertificateAuthority(std::move(impl));
}

Result<CertificateAuthority> CertificateAuthority::load(const KeyPair& pair) {
  // An empty password, as OpenSSL would else ask for one on the terminal.
  char no_password[] = "";
  const Bio certificate(BIO_new_mem_buf(pair.certificate.data(), static_cast<int>(pair.certificate.size())));
  const Bio key(BIO_new_mem_buf(pair.key.data(), static_cast<int>(pair.key.size())));
  if (!certificate || !key) return openssl_error("BIO_new_mem_buf()");
  auto impl = std::make_unique<Impl>();
  impl->certificate.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
  impl->key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, no_password));
  ERR_clear_error();  // what is wrong is said in our own words
  if (!impl->certificate) return fail(ErrorKind::usage, "the CA's certificate is not a PEM certificate");
  if (!impl->key) return fail(ErrorKind::usage, "the CA's key is not a PEM private key without password");
  const bool fits = X509_check_private_key(impl->certificate.get(), impl->key.get()) == 1;
  ERR_clear_error();
  if (!fits) return fail(ErrorKind::usage, "the CA's key is not that of its certificate");
  if (X509_check_ca(impl->certificate.get()) != 1) return fail(ErrorKind::usage, "the certificate is not that of a CA");
  impl->pem = pem_of(impl->certificate.get());
  return CertificateAuthority(std::move(impl));
}

Result<KeyPair> CertificateAuthority::pair() const {
  KeyPair made{impl_->pem, pem_of(impl_->key.get())};
  if (made.key.empty()) return openssl_error("writing the CA's key as PEM");
  return made;
}

Result<KeyPair> CertificateAuthority::issue(const LeafNames& names) const {
  const Names alternative(sk_GENERAL_NAME_new_null());
  std::string refused;
  if (!add_names(alternative.get(), GEN_DNS, names.dns, refused) ||
      !add_names(alternative.get(), GEN_IPADD, names.addresses, refused) ||
      !add_names(alternative.get(), GEN_URI, names.uris, refused))
    return fail(ErrorKind::usage, "'" + refused + "' cannot stand in a certificate");
  const bool named = sk_GENERAL_NAME_num(alternative.get()) > 0;
  if (!named && names.common_name.empty()) return fail(ErrorKind::usage, "a certificate must name somebody");
  const int critical = names.common_name.empty() ? 1 : 0;
  X509* issuer = impl_->certificate.get();
  const Key key(EVP_EC_gen("P-256"));
  const Certificate leaf = key ? blank(key.get()) : nullptr;
  if (!leaf || (critical == 0 && !add_subject(leaf.get(), "CN", names.common_name)) ||
      X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer)) != 1 ||
      (named &&
       X509_add1_ext_i2d(leaf.get(), NID_subject_alt_name, alternative.get(), critical, X509V3_ADD_APPEND) != 1) ||
      !add_extension(leaf.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(leaf.get(), issuer, NID_key_usage, "critical,digitalSignature,keyEncipherment") ||
      !add_extension(leaf.get(), issuer, NID_ext_key_usage, "serverAuth,clientAuth") ||
      !add_extension(leaf.get(), issuer, NID_authority_key_identifier, "keyid:always") ||
      X509_sign(leaf.get(), impl_->key.get(), EVP_sha256()) == 0)
    return openssl_error("signing a leaf certificate");
  KeyPair made{pem_of(leaf.get()), pem_of(key.get())};
  if (made.certificate.empty() || made.key.empty()) return openssl_error("writing PEM");
  return made;
}

}  // namespace egressproof
