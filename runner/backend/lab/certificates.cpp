#include "runner/backend/lab/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace egressproof::backend::lab {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr long hour_seconds = 3600;

template <class Write>
std::string pem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

Certificate blank(EVP_PKEY* key) {
  Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -hour_seconds);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 7 * 24 * hour_seconds);
  X509_set_pubkey(made.get(), key);
  return made;
}

Error openssl_error(const std::string& what) { return Error{ErrorKind::internal, "OpenSSL: " + what, {}}; }

}  // namespace

struct WorkloadCa::Impl {
  Key key{nullptr, EVP_PKEY_free};
  Certificate certificate{nullptr, X509_free};
  std::string root;
};

WorkloadCa::WorkloadCa(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WorkloadCa::WorkloadCa(WorkloadCa&&) noexcept = default;
WorkloadCa& WorkloadCa::operator=(WorkloadCa&&) noexcept = default;
WorkloadCa::~WorkloadCa() = default;

const std::string& WorkloadCa::root() const { return impl_->root; }

Result<WorkloadCa> WorkloadCa::create() {
  auto impl = std::make_unique<Impl>();
  impl->key.reset(EVP_EC_gen("P-256"));
  if (!impl->key) return tl::unexpected(openssl_error("EVP_EC_gen(P-256)"));
  impl->certificate = blank(impl->key.get());
  X509* certificate = impl->certificate.get();
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("egressproof lab"), -1, -1,
                             0);
  X509_set_issuer_name(certificate, name);
  if (!add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE") ||
      !add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      X509_sign(certificate, impl->key.get(), EVP_sha256()) == 0)
    return tl::unexpected(openssl_error("signing the lab's CA"));
  impl->root = pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  return WorkloadCa(std::move(impl));
}

Result<Pem> WorkloadCa::issue(const std::string& ns, const std::string& service_account) const {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  if (!key) return tl::unexpected(openssl_error("EVP_EC_gen(P-256)"));
  const Certificate leaf = blank(key.get());
  X509* issuer = impl_->certificate.get();
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer));
  const std::string uri = "critical,URI:spiffe://cluster.local/ns/" + ns + "/sa/" + service_account;
  if (!add_extension(leaf.get(), issuer, NID_subject_alt_name, uri) ||
      !add_extension(leaf.get(), issuer, NID_key_usage, "critical,digitalSignature,keyEncipherment") ||
      !add_extension(leaf.get(), issuer, NID_ext_key_usage, "serverAuth,clientAuth") ||
      X509_sign(leaf.get(), impl_->key.get(), EVP_sha256()) == 0)
    return tl::unexpected(openssl_error("signing the certificate of " + uri));
  return Pem{pem([&](BIO* bio) { PEM_write_bio_X509(bio, leaf.get()); }),
             pem([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

}  // namespace egressproof::backend::lab
