// Loopback worlds for the tests of the probe: the real target in process, and peers that misbehave.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/crypto.h"
#include "base/files.h"
#include "base/unique_fd.h"
#include "probe/engine.h"
#include "target/authority.h"
#include "target/server.h"

namespace egressproof::probe::loopback {

// Test programs run side by side: each has addresses of its own.
inline std::string address(int last) {
  const auto pid = static_cast<unsigned>(::getpid());
  return "127." + std::to_string(64 + (pid >> 8 & 63)) + "." + std::to_string(pid & 255) + "." + std::to_string(last);
}

inline Attempt attempt_to(const std::string& to, std::uint16_t port, Protocol protocol = Protocol::http1) {
  static std::uint64_t last = 0;
  Attempt attempt;
  attempt.sequence = ++last;
  attempt.nonce = random_hex(16);
  attempt.protocol = protocol;
  attempt.address = to;
  attempt.port = port;
  attempt.host = "a.test";
  return attempt;
}

// In order of sequence.
inline std::vector<Observation> run_all(const std::vector<Attempt>& attempts, const EngineOptions& options = {}) {
  std::vector<Observation> seen;
  std::signal(SIGPIPE, SIG_IGN);  // as the program does
  run_attempts(attempts, options, [&](const Observation& one) { seen.push_back(one); });
  std::sort(seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
  return seen;
}

inline Observation run_one(const Attempt& attempt, const EngineOptions& options = {}) {
  const auto seen = run_all({attempt}, options);
  EXPECT_EQ(seen.size(), 1U);
  return seen.empty() ? Observation{} : seen.front();
}

inline std::vector<Stage> stages_of(const Observation& seen) {
  std::vector<Stage> stages;
  for (const StageResult& one : seen.stages) stages.push_back(one.stage);
  return stages;
}

constexpr std::uint16_t port = 8080;
constexpr std::uint16_t dns_port = 5353;

// Fixtures a (a.test) and b (b.test), one port each, and their name server.
class Target {
 public:
  Target() {
    folder_ = std::filesystem::temp_directory_path() / ("egressproof-probe-test-" + random_hex(8));
    std::filesystem::create_directories(folder_);
    config_.fixtures = {{"a", random_hex(16), {address(1)}, {port}, false, {"a.test"}, true, {port}},
                        {"b", random_hex(16), {address(2)}, {port}, false, {"b.test"}, true}};
    config_.records = {{"a.test", "A", {address(1)}},      {"b.test", "A", {address(2)}},
                       {"six.test", "AAAA", {"::1"}},      {"two.test", "A", {address(2), address(1)}},
                       {"*.wild.test", "A", {address(1)}}, {"*.wild.test", "TXT", {"first", std::string(300, 't')}}};
    config_.zones = {"test"};
    config_.dns_address = address(3);
    config_.dns_port = dns_port;
    config_.journal = folder_ / "journal";
    config_.ca_file = folder_ / "ca.pem";
    auto server = target::Server::start(config_);
    if (server)
      server_ = std::move(*server);
    else
      ADD_FAILURE() << server.error().message;
  }
  ~Target() {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  [[nodiscard]] EngineOptions options() const {
    EngineOptions options;
    options.ca_file = config_.ca_file;
    options.dns_server = config_.dns_address;
    options.dns_port = config_.dns_port;
    return options;
  }

  // Those of one kind and nonce ("": any).
  [[nodiscard]] std::vector<target::Receipt> receipts(target::ReceiptKind kind, const std::string& nonce = "") const {
    std::vector<target::Receipt> found;
    const auto content = read_file(config_.journal);
    if (!content) return found;
    for (const target::Receipt& one : target::decode_journal(*content).receipts)
      if (one.kind == kind && (nonce.empty() || one.nonce == nonce)) found.push_back(one);
    return found;
  }

 private:
  std::filesystem::path folder_;
  target::Config config_;
  std::unique_ptr<target::Server> server_;
};

// Accepts on loopback and lets `behave` have each connection, one after another.
class Peer {
 public:
  explicit Peer(std::function<void(int)> behave, const std::string& at = "127.0.0.1")
      : behave_(std::move(behave)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    ::inet_pton(AF_INET, at.c_str(), &name.sin_addr);
    socklen_t size = sizeof name;
    auto* raw = reinterpret_cast<sockaddr*>(&name);
    if (::bind(listener_.get(), raw, size) != 0 || ::listen(listener_.get(), 512) != 0 ||
        ::getsockname(listener_.get(), raw, &size) != 0)
      ADD_FAILURE() << "no listener on loopback";
    port_ = ntohs(name.sin_port);
    thread_ = std::thread([this] {
      for (;;) {
        UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection.valid()) return;
        ++accepted_;
        behave_(connection.get());
      }
    });
  }
  ~Peer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int accepted() const { return accepted_; }

  // Reads until `end` was seen or the other side closed.
  static std::string read_to(int fd, const std::string& end) {
    std::string bytes;
    char buffer[4096];
    while (end.empty() || bytes.find(end) == std::string::npos) {
      const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      bytes.append(buffer, static_cast<std::size_t>(got));
    }
    return bytes;
  }
  static void write_all(int fd, const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t now = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return;
      sent += static_cast<std::size_t>(now);
    }
  }
  // Until the other side closes.
  static void hold(int fd) { read_to(fd, ""); }
  static void reset(int fd) {
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  std::function<void(int)> behave_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

}  // namespace egressproof::probe::loopback
