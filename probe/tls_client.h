// The ClientHello byte for byte as the attempt says, and what the handshake told.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <string>

#include "probe/attempt.h"
#include "probe/hello_segments.h"

namespace egressproof::probe {

class TlsClient {
 public:
  // `started` is called when the ClientHello is about to be made.
  TlsClient(const Attempt& attempt, std::function<void()> started);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // False: OpenSSL refused. This object must outlive `ctx`.
  bool install(SSL_CTX* ctx);

  // Empty before the handshake is done.
  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] const std::string& alpn() const { return alpn_; }
  [[nodiscard]] const std::string& certificate() const { return certificate_; }

 private:
  static void on_info(const SSL* ssl, int where, int);
  void starting(SSL* ssl);
  void completed(const SSL* ssl);

  std::function<void()> started_;
  std::string alpn_wire_, sni_, ech_;
  bool with_ech_;
  int tls_version_;  // of OpenSSL; 0: any
  int hello_segments_;
  OwnedBio segments_;  // until the handshake begins
  std::string version_, alpn_, certificate_;
};

}  // namespace egressproof::probe
