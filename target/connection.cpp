#include "target/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "target/http1.h"
#include "target/http2.h"
#include "target/http_head.h"
#include "target/stream.h"

namespace egressproof::target {
namespace {

constexpr unsigned ech_extension_type = 0xfe0d;
constexpr char handshake_record = 0x16;     // RFC 8446, 5.1
constexpr std::size_t method_longest = 20;  // see looks_like_http()
constexpr std::size_t nonce_overlap = 33;   // a nonce and the byte before it, cut by the end of a read

class Connection {
 public:
  Connection(int socket, Recorder recorder, SSL_CTX* tls)
      : socket_(socket), tls_(tls), recorder_(std::move(recorder)), stream_(socket), http1_(stream_, recorder_) {}

  void run() {
    if (recorder_.speaks_first() && !greet()) return;
    // Not taken off the socket: OpenSSL must read them itself.
    std::array<char, 512> first{};
    const ssize_t peeked = ::recv(socket_, first.data(), first.size(), MSG_PEEK);
    if (peeked <= 0) return;
    const std::string_view start(first.data(), static_cast<std::size_t>(peeked));
    if (start.front() == handshake_record && !accept_tls(start)) return;
    while (stream_.read(input_))
      if (!take()) return;
    // The end of the stream, or nothing more within the time-out: what is there has arrived all the same.
    if (!input_.empty() && !http1_.in_body()) answer_payload();
  }

  bool greet() {
    const auto line = recorder_.answer(recorder_.receipt(ReceiptKind::greeting));
    return line && stream_.write(*line);
  }

  static int on_client_hello(SSL* ssl, int*, void*) {
    return static_cast<Connection*>(SSL_get_app_data(ssl))->read_client_hello(ssl);
  }

 private:
  // False: the connection is over.
  bool take() {
    if (http1_.in_body()) return http1_.take(input_);
    const Preface preface = http2_preface(input_);
    if (preface == Preface::maybe) return true;
    if (preface == Preface::yes) {
      serve_http2(stream_, recorder_, std::move(input_));
      return false;
    }
    if (looks_like_http(input_) && !http1_.take(input_)) return false;
    if (input_.empty() || http1_.in_body() || looks_like_http(input_) || maybe_method()) return true;
    return answer_payload();
  }

  // Too few bytes to tell a method from a payload?
  bool maybe_method() const {
    return input_.size() < method_longest &&
           std::all_of(input_.begin(), input_.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  }

  int read_client_hello(SSL* ssl) {
    Receipt made = recorder_.receipt(ReceiptKind::tls);
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    // server_name (RFC 6066): list length 2, type 1, name length 2, name.
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1) {
      made.sni.emplace();
      if (size > 5) {
        const std::size_t length = static_cast<std::size_t>(data[3]) << 8 | data[4];
        made.sni->assign(reinterpret_cast<const char*>(data) + 5, std::min(length, size - 5));
      }
    }
    // ALPN (RFC 7301): list length 2, then length-prefixed names.
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &size) == 1)
      for (std::size_t at = 2; at < size && at + data[at] < size; at += 1U + data[at])
        made.alpn.emplace_back(reinterpret_cast<const char*>(data) + at + 1, data[at]);
    made.ech = SSL_client_hello_get0_ext(ssl, ech_extension_type, &data, &size) == 1;
    for (const std::string& protocol : made.alpn)
      if (protocol.rfind("ep-", 0) == 0) made.nonce = find_nonce(protocol.substr(3));
    recorder_.remember_nonce(made.nonce);
    hello_told_ = true;
    return recorder_.write(made) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
  }

  bool accept_tls(std::string_view start) {
    if (stream_.accept_tls(tls_, this)) return true;
    // OpenSSL refused it before there was a ClientHello.
    if (!hello_told_) static_cast<void>(recorder_.write(recorder_.payload_receipt(start, start)));
    return false;
  }

  bool answer_payload() {
    before_ += input_;
    Receipt made = recorder_.payload_receipt(input_, before_);
    if (before_.size() > nonce_overlap) before_.erase(0, before_.size() - nonce_overlap);
    input_.clear();
    const auto line = recorder_.answer(made);
    return line && stream_.write(*line);
  }

  int socket_;
  SSL_CTX* tls_;
  Recorder recorder_;
  Stream stream_;
  Http1 http1_;
  bool hello_told_ = false;
  std::string input_;
  std::string before_;  // the end of the payload that was taken already
};

}  // namespace

void prepare_tls(SSL_CTX* tls) {
  // OpenSSL shows the ClientHello callback only extensions that it knows: this one is registered, and then ignored.
  SSL_CTX_add_custom_ext(
      tls, ech_extension_type, SSL_EXT_CLIENT_HELLO, nullptr, nullptr, nullptr,
      [](SSL*, unsigned, unsigned, const unsigned char*, std::size_t, X509*, std::size_t, int*, void*) { return 1; },
      nullptr);
  SSL_CTX_set_client_hello_cb(tls, Connection::on_client_hello, nullptr);
}

void serve(int socket, Recorder recorder, SSL_CTX* tls) { Connection(socket, std::move(recorder), tls).run(); }

}  // namespace egressproof::target
