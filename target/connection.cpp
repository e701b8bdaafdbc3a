#include "target/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "target/http_head.h"

namespace egressproof::target {
namespace {

constexpr std::size_t max_head = 64 * 1024;
constexpr std::size_t max_payload_told = 256;
constexpr unsigned ech_extension_type = 0xfe0d;

class Connection {
 public:
  Connection(Accepted accepted, const Fixture& fixture, SSL_CTX* tls, JournalWriter& journal)
      : accepted_(std::move(accepted)), fixture_(fixture), tls_(tls), journal_(journal) {}
  ~Connection() { SSL_free(ssl_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void run() {
    if (journal_.write(receipt(ReceiptKind::connection)) == 0) return;
    unsigned char first = 0;
    if (::recv(accepted_.socket.get(), &first, 1, MSG_PEEK) != 1) return;
    constexpr unsigned char handshake_record = 0x16;  // RFC 8446, 5.1
    if (first == handshake_record && !accept_tls()) return;
    while (read_more()) {
      if (looks_like_http(input_)) {
        if (!answer_requests()) return;
      } else if (input_.size() >= 20 || input_.find('\n') != std::string::npos || !maybe_method()) {
        if (!answer_payload()) return;
      }
    }
  }

  static int on_client_hello(SSL* ssl, int*, void*) {
    return static_cast<Connection*>(SSL_get_app_data(ssl))->read_client_hello(ssl);
  }

 private:
  Receipt receipt(ReceiptKind kind) const {
    Receipt made;
    made.connection = accepted_.number;
    made.kind = kind;
    made.fixture = fixture_.name;
    made.nonce = nonce_;
    made.local = accepted_.local;
    made.peer = accepted_.peer;
    return made;
  }

  // Too few bytes to tell a method from a payload?
  bool maybe_method() const {
    return std::all_of(input_.begin(), input_.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  }

  int read_client_hello(SSL* ssl) {
    Receipt made = receipt(ReceiptKind::tls);
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    // server_name (RFC 6066): list length 2, type 1, name length 2, name.
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1)
      made.sni = size > 5 ? std::string(reinterpret_cast<const char*>(data) + 5, size - 5) : std::string();
    // ALPN (RFC 7301): list length 2, then length-prefixed names.
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &size) == 1)
      for (std::size_t at = 2; at < size && at + data[at] < size; at += 1U + data[at])
        made.alpn.emplace_back(reinterpret_cast<const char*>(data) + at + 1, data[at]);
    made.ech = SSL_client_hello_get0_ext(ssl, ech_extension_type, &data, &size) == 1;
    for (const std::string& protocol : made.alpn)
      if (protocol.rfind("ep-", 0) == 0) nonce_ = find_nonce(protocol.substr(3));
    made.nonce = nonce_;
    return journal_.write(made) == 0 ? SSL_CLIENT_HELLO_ERROR : SSL_CLIENT_HELLO_SUCCESS;
  }

  bool accept_tls() {
    ssl_ = SSL_new(tls_);
    SSL_set_app_data(ssl_, this);
    SSL_set_fd(ssl_, accepted_.socket.get());
    return SSL_accept(ssl_) == 1;
  }

  bool read_more() {
    std::array<char, 16384> buffer{};
    const auto got = ssl_ != nullptr ? SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()))
                                     : ::recv(accepted_.socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    input_.append(buffer.data(), static_cast<std::size_t>(got));
    return input_.size() <= max_head;
  }

  bool send_all(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto now = ssl_ != nullptr
                           ? SSL_write(ssl_, bytes.data() + sent, static_cast<int>(bytes.size() - sent))
                           : ::send(accepted_.socket.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return false;
      sent += static_cast<std::size_t>(now);
    }
    return true;
  }

  // All complete requests in the input. False: the connection is over.
  bool answer_requests() {
    while (auto head = read_http_head(input_)) {
      if (input_.size() < head->size + head->content_length) return true;  // the body is still on its way
      input_.erase(0, head->size + head->content_length);
      Receipt made = receipt(ReceiptKind::request);
      if (!head->nonce.empty()) made.nonce = head->nonce;
      made.http_version = head->version;
      made.host = head->host;
      made.method = head->method;
      made.path = head->target;
      const std::uint64_t number = journal_.write(made);
      if (number == 0) return false;
      const std::string body = encode_answer(fixture_, made.nonce, number);
      std::string reply = "HTTP/1.1 200 OK\r\nserver: egressproof-target\r\ncontent-type: text/plain\r\nconnection: ";
      reply += head->keep_alive ? "keep-alive" : "close";
      reply += "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n";
      if (head->method != "HEAD") reply += body;
      if (!send_all(reply) || !head->keep_alive) return false;
    }
    return true;
  }

  bool answer_payload() {
    Receipt made = receipt(ReceiptKind::payload);
    const std::string nonce = find_nonce(input_);
    if (!nonce.empty()) made.nonce = nonce;
    made.payload = input_.substr(0, max_payload_told);
    input_.clear();
    const std::uint64_t number = journal_.write(made);
    return number != 0 && send_all(encode_answer(fixture_, made.nonce, number));
  }

  Accepted accepted_;
  const Fixture& fixture_;
  SSL_CTX* tls_;
  JournalWriter& journal_;
  SSL* ssl_ = nullptr;
  std::string nonce_;  // of the ClientHello
  std::string input_;
};

}  // namespace

void prepare_tls(SSL_CTX* tls) { SSL_CTX_set_client_hello_cb(tls, Connection::on_client_hello, nullptr); }

void serve(Accepted connection, const Fixture& fixture, SSL_CTX* tls, JournalWriter& journal) {
  Connection(std::move(connection), fixture, tls, journal).run();
}

}  // namespace egressproof::target
