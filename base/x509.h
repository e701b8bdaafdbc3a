// Throw-away certificates of one run: a CA and the leaves it signs. P-256, SHA-256, random 63-bit serials, valid from
// an hour ago for seven days. Keys stay in memory and where the caller writes them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace egressproof {

// PEM texts.
struct KeyPair {
  std::string certificate;
  std::string key;
};

// What a leaf says of its subject: a common name, alternative names, or both. Each leaf serves both ends of TLS
// (extended key usage serverAuth and clientAuth), as the certificates of Istio's own CA do.
struct LeafNames {
  std::string common_name;       // empty: an empty subject, so the alternative names are critical (RFC 5280, 4.2.1.6)
  std::vector<std::string> dns;  // "allow.test", "*.wild.test"
  std::vector<std::string> addresses;  // IP literals
  std::vector<std::string> uris;       // "spiffe://cluster.local/ns/a/sa/default"
};

class CertificateAuthority {
 public:
  // Self-signed, O=egressproof, CN=`name`. Errors: kind internal.
  static Result<CertificateAuthority> create(const std::string& name);
  // The one whose pair() this is, so that several processes issue for one CA. Errors: kind usage, for texts that are
  // not PEM, a key of another certificate, or a certificate that is no CA's.
  static Result<CertificateAuthority> load(const KeyPair& pair);
  CertificateAuthority(CertificateAuthority&&) noexcept;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept;
  ~CertificateAuthority();

  [[nodiscard]] const std::string& certificate() const;  // PEM
  // With the private key: whoever holds it can issue in the CA's name. Errors: kind internal.
  [[nodiscard]] Result<KeyPair> pair() const;
  // Errors: kind usage for a name that cannot stand in a certificate, else internal.
  [[nodiscard]] Result<KeyPair> issue(const LeafNames& names) const;

 private:
  struct Impl;
  explicit CertificateAuthority(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace egressproof
