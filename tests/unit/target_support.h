// A running target on loopback addresses of this process's own, and clients that say exactly what a test wants said.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/files.h"
#include "target/server.h"
#include "target/socket.h"

namespace egressproof::target {

using std::chrono::milliseconds;
inline constexpr milliseconds patience{10000};

// 127.x.y.`host`: tests of several processes at once do not meet.
inline std::string loopback(int host) {
  const int pid = ::getpid();
  return "127." + std::to_string(1 + pid % 250) + "." + std::to_string(pid / 250 % 250) + "." + std::to_string(host);
}

// Until it is true; the caller says what was awaited.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

class Running {
 public:
  explicit Running(Config config, Limits limits = {}) : config_(std::move(config)) {
    std::signal(SIGPIPE, SIG_IGN);
    folder_ = std::filesystem::temp_directory_path() / ("egressproof-unit-" + random_hex(8));
    std::filesystem::create_directory(folder_);
    config_.journal = folder_ / "receipts.ndjson";
    config_.ca_file = folder_ / "ca.pem";
    auto started = Server::start(config_, limits);
    EXPECT_TRUE(started) << to_string(started.error());
    if (started) server_ = std::move(*started);
  }
  ~Running() {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Server& server() { return *server_; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] Journal journal() const { return decode_journal(read_file(config_.journal).value_or("")); }
  // Receipts of one kind, by now.
  [[nodiscard]] std::vector<Receipt> receipts(ReceiptKind kind) const {
    std::vector<Receipt> found;
    for (const Receipt& one : journal().receipts)
      if (one.kind == kind) found.push_back(one);
    return found;
  }
  // The first receipt of the kind, once there is one.
  [[nodiscard]] Receipt awaited(ReceiptKind kind) const {
    EXPECT_TRUE(eventually([&] { return !receipts(kind).empty(); })) << "no receipt of kind " << static_cast<int>(kind);
    const auto found = receipts(kind);
    return found.empty() ? Receipt{} : found.front();
  }

 private:
  Config config_;
  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
};

inline Config one_fixture(const std::string& address) {
  Config config;
  config.fixtures = {{"allow", "key", {address}, {8080}, false, {"allow.test"}, true}};
  return config;
}

// A TCP client, plain or TLS, with a time-out for everything.
class Client {
 public:
  explicit Client(const std::string& host, std::uint16_t port = 8080) {
    Address address = make_address(host, port);
    fd_.reset(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{patience.count() / 1000, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    connected_ = ::connect(fd_.get(), address.raw(), address.size) == 0;
  }
  ~Client() { SSL_free(ssl_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

  // `alpn` in wire format. The certificate must be of the CA in `ca_file` and name `sni`.
  bool start_tls(const std::string& ca_file, const std::string& sni, const std::string& alpn = "") {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (!ca_file.empty()) SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr);
    ssl_ = SSL_new(context.get());
    SSL_set_tlsext_host_name(ssl_, sni.c_str());
    SSL_set1_host(ssl_, sni.c_str());
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(alpn.data()), static_cast<unsigned>(alpn.size()));
    SSL_set_fd(ssl_, fd_.get());
    return SSL_connect(ssl_) == 1;
  }
  [[nodiscard]] std::string selected_alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  bool send(std::string_view bytes) {
    const auto sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                      : ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(bytes.size());
  }
  void end_of_input() { ::shutdown(fd_.get(), SHUT_WR); }
  // At least one byte; "": the end, or an error.
  std::string read_some() {
    std::string bytes(16384, '\0');
    const auto got = ssl_ != nullptr ? SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                     : ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    failed_ = got < 0;
    return bytes;
  }
  // Whether the last read ended as an error (a reset, for example), not as the end of the stream.
  [[nodiscard]] bool failed() const { return failed_; }
  // Until it ends with `mark`, or the peer ends.
  std::string read_until(std::string_view mark) {
    std::string all;
    while (all.find(mark) == std::string::npos) {
      const std::string more = read_some();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  std::string read_all() { return read_until(std::string(1, '\0') + "never"); }
  // Closing resets the connection.
  void reset_on_close() {
    const linger hard{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }

 private:
  UniqueFd fd_;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
  bool failed_ = false;
};

inline std::string fresh_nonce() { return random_hex(16); }

inline std::string get_request(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: allow.test\r\n" + more + "\r\n";
}

}  // namespace egressproof::target
