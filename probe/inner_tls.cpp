#include "probe/inner_tls.h"

#include <openssl/err.h>

#include <array>

namespace egressproof::probe {
namespace {

constexpr std::size_t record_size = 16384;

std::string library_text() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  return text.data();
}

}  // namespace

Attempt outer_handshake(const Attempt& attempt) {
  Attempt outer = attempt;
  outer.sni = attempt.outer->sni;
  outer.alpn = {"istio"};  // as an Istio proxy offers for what it does not look into
  outer.ech_extension = false;
  outer.outer.reset();
  return outer;
}

InnerTls::InnerTls(const Attempt& attempt, const std::string& ca_file)
    : client_(attempt, [] {}), ctx_(SSL_CTX_new(TLS_client_method())) {
  begin(ca_file);
}

void InnerTls::begin(const std::string& ca_file) {
  if (!ctx_ || !client_.install(ctx_.get())) return end_with(Code::local_error, "no TLS context: " + library_text());
  if (!ca_file.empty()) {
    if (SSL_CTX_load_verify_locations(ctx_.get(), ca_file.c_str(), nullptr) != 1)
      return end_with(Code::local_error, "'" + ca_file + "' is no CA: " + library_text());
    SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_PEER, nullptr);
  }
  ssl_.reset(SSL_new(ctx_.get()));
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  if (!ssl_ || in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    return end_with(Code::local_error, "no TLS connection: " + library_text());
  }
  SSL_set_bio(ssl_.get(), in, out);  // which owns them now
  SSL_set_connect_state(ssl_.get());
  go_on();
}

void InnerTls::received(std::string_view bytes) {
  if (done_) return;  // session tickets
  BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  go_on();
}

void InnerTls::closed(Closing how, const std::string& why) {
  if (ending_) return;
  const std::string what =
      how == Closing::reset ? "reset within the inner handshake" : "closed within the inner handshake";
  end_with(how == Closing::reset ? Code::tls_reset : Code::tls_closed, why.empty() ? what : what + ": " + why);
}

void InnerTls::go_on() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  const int error = SSL_get_error(ssl_.get(), result);
  std::array<char, record_size> buffer{};
  for (int size = 0; (size = BIO_read(SSL_get_wbio(ssl_.get()), buffer.data(), buffer.size())) > 0;)
    output_.append(buffer.data(), static_cast<std::size_t>(size));
  done_ = result == 1;
  if (done_ || error == SSL_ERROR_WANT_READ) return;
  if (SSL_get_verify_result(ssl_.get()) != X509_V_OK)
    return end_with(Code::tls_certificate, X509_verify_cert_error_string(SSL_get_verify_result(ssl_.get())));
  const bool alert = ERR_GET_REASON(ERR_peek_last_error()) >= SSL_AD_REASON_OFFSET;
  end_with(alert ? Code::tls_alert : Code::protocol_error, "inner handshake: " + library_text());
}

// Not before the last message of the handshake was given out.
void InnerTls::fill_output() {
  if (done_ && output_.empty()) end_with(Code::ok, {});
}

void InnerTls::end_with(Code code, const std::string& detail) {
  if (!ending_) ending_ = Ending{code, detail};
}

}  // namespace egressproof::probe
