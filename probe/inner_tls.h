// A TLS handshake within a connection that is itself TLS: what is said over the outer one is the inner one's records.
#pragma once

#include <memory>
#include <string>

#include "probe/exchange.h"
#include "probe/tls_client.h"

namespace egressproof::probe {

// The attempt whose ClientHello opens the outer connection; `attempt` must have one.
Attempt outer_handshake(const Attempt& attempt);

class InnerTls : public Exchange {
 public:
  // The handshake of `attempt`, and nothing after it. `ca_file`: PEM of the fixtures' CA; empty: the certificate is not
  // verified.
  InnerTls(const Attempt& attempt, const std::string& ca_file);
  void received(std::string_view bytes) override;
  void closed(Closing how, const std::string& why) override;
  [[nodiscard]] const TlsClient& told() const { return client_; }

 private:
  void fill_output() override;
  void begin(const std::string& ca_file);
  void go_on();
  void end_with(Code code, const std::string& detail);

  struct Freed {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* ctx) const { SSL_CTX_free(ctx); }
  };
  TlsClient client_;
  std::unique_ptr<SSL_CTX, Freed> ctx_;
  std::unique_ptr<SSL, Freed> ssl_;
  bool done_ = false;
};

}  // namespace egressproof::probe
