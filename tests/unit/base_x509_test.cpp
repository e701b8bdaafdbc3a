#include "base/x509.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace egressproof {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Certificate parse(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                      BIO_free);
  return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free};
}

// "" if the leaf is good for the purpose, else OpenSSL's reason. Strict: as RFC 5280 wants it.
std::string verify(const std::string& leaf, const std::string& ca, int purpose) {
  const Certificate root = parse(ca);
  const Certificate end = parse(leaf);
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  X509_STORE_add_cert(store.get(), root.get());
  X509_STORE_set_flags(store.get(), X509_V_FLAG_X509_STRICT);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
  X509_STORE_CTX_init(context.get(), store.get(), end.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  if (X509_verify_cert(context.get()) == 1) return {};
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

// The extension as `openssl x509 -text` prints it, with "critical: " before it if it is.
std::string extension(const std::string& pem, int nid) {
  const Certificate certificate = parse(pem);
  const int at = X509_get_ext_by_NID(certificate.get(), nid, -1);
  if (at < 0) return "none";
  X509_EXTENSION* found = X509_get_ext(certificate.get(), at);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  X509V3_EXT_print(bio.get(), found, 0, 0);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return (X509_EXTENSION_get_critical(found) != 0 ? "critical: " : "") +
         std::string(data, static_cast<std::size_t>(size));
}

TEST(X509Test, ALeafIsGoodForBothEndsOfTlsAndForItsOwnCaAlone) {
  const auto ca = CertificateAuthority::create("one");
  const auto other = CertificateAuthority::create("one");
  ASSERT_TRUE(ca && other);
  const auto leaf = ca->issue({"allow", {"allow.test", "*.wild.test"}, {"192.0.2.1", "2001:db8::1"}, {}});
  ASSERT_TRUE(leaf) << to_string(leaf.error());
  EXPECT_EQ(verify(leaf->certificate, ca->certificate(), X509_PURPOSE_SSL_SERVER), "");
  EXPECT_EQ(verify(leaf->certificate, ca->certificate(), X509_PURPOSE_SSL_CLIENT), "");
  EXPECT_NE(verify(leaf->certificate, other->certificate(), X509_PURPOSE_SSL_SERVER), "");
  EXPECT_EQ(extension(leaf->certificate, NID_subject_alt_name),
            "DNS:allow.test, DNS:*.wild.test, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1");
  EXPECT_EQ(extension(leaf->certificate, NID_basic_constraints), "critical: CA:FALSE");
  EXPECT_EQ(extension(ca->certificate(), NID_basic_constraints), "critical: CA:TRUE");
  EXPECT_EQ(leaf->key.rfind("-----BEGIN PRIVATE KEY-----", 0), 0U);
}

TEST(X509Test, AWorkloadHasNoNameButItsUri) {
  const auto ca = CertificateAuthority::create("mesh");
  ASSERT_TRUE(ca);
  LeafNames names;
  names.uris = {"spiffe://cluster.local/ns/tenant/sa/default"};
  const auto leaf = ca->issue(names);
  ASSERT_TRUE(leaf) << to_string(leaf.error());
  EXPECT_EQ(extension(leaf->certificate, NID_subject_alt_name),
            "critical: URI:spiffe://cluster.local/ns/tenant/sa/default");
  EXPECT_EQ(extension(leaf->certificate, NID_ext_key_usage),
            "TLS Web Server Authentication, TLS Web Client Authentication");
  EXPECT_EQ(extension(leaf->certificate, NID_key_usage), "critical: Digital Signature, Key Encipherment");
  EXPECT_EQ(verify(leaf->certificate, ca->certificate(), X509_PURPOSE_SSL_CLIENT), "");
}

TEST(X509Test, NamesStayWhatTheyAre) {
  const auto ca = CertificateAuthority::create("one");
  ASSERT_TRUE(ca);
  const auto leaf = ca->issue({"a", {"x.test,IP:192.0.2.9"}, {}, {}});
  ASSERT_TRUE(leaf);
  EXPECT_EQ(extension(leaf->certificate, NID_subject_alt_name), "DNS:x.test,IP:192.0.2.9") << "one name, not two";
  EXPECT_EQ(ca->issue({"a", {}, {"not an address"}, {}}).error().message,
            "'not an address' cannot stand in a certificate");
  EXPECT_EQ(ca->issue({}).error().message, "a certificate must name somebody");
  const Certificate one = parse(leaf->certificate);
  const Certificate two = parse(ca->issue({"a", {}, {}, {}})->certificate);
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get_serialNumber(one.get()), X509_get_serialNumber(two.get())), 0);
}

}  // namespace
}  // namespace egressproof
