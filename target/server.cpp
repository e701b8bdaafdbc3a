#include "target/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "base/files.h"
#include "target/authority.h"
#include "target/connection.h"
#include "target/dns.h"
#include "target/http_head.h"
#include "target/journal.h"

namespace egressproof::target {
namespace {

constexpr int idle_seconds = 10;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address make_address(const std::string& text, std::uint16_t port) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
  }
  return address;
}

std::string host_of(const sockaddr_storage& storage) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text.data(), text.size());
  else
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, text.data(), text.size());
  return text.data();
}

std::string text_of(const sockaddr_storage& storage) {
  const std::string host = host_of(storage);
  if (storage.ss_family == AF_INET)
    return host + ":" + std::to_string(ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port));
  return "[" + host + "]:" + std::to_string(ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port));
}

Result<UniqueFd> bind_to(const std::string& host, std::uint16_t port, int type) {
  Address address = make_address(host, port);
  UniqueFd fd(::socket(address.storage.ss_family, type | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_IP, IP_FREEBIND, &on, sizeof on);
  if (!fd.valid() || ::bind(fd.get(), address.raw(), address.size) != 0 ||
      (type == SOCK_STREAM && ::listen(fd.get(), 1024) != 0))
    return tl::unexpected(system_error(ErrorKind::environment, "bind('" + host + "', " + std::to_string(port) + ")"));
  return fd;
}

}  // namespace

struct Server::Impl {
  Config config;
  Authority authority;
  std::unique_ptr<JournalWriter> journal;
  std::map<std::string, const Fixture*> owners;  // address -> fixture
  struct Listener {
    UniqueFd fd;
    bool redirected = false;
  };
  std::vector<Listener> listeners;
  UniqueFd dns_udp;
  UniqueFd wake_read, wake_write;
  std::thread loop;
  std::mutex mutex;
  std::set<int> open;  // sockets of running connections, to end them at stop()
  std::vector<std::thread> workers;
  std::uint64_t connections = 0;

  void accept_one(const Listener& listener) {
    Address peer;
    peer.size = sizeof peer.storage;
    UniqueFd socket(::accept4(listener.fd.get(), peer.raw(), &peer.size, SOCK_CLOEXEC));
    if (!socket.valid()) return;
    Address local;
    local.size = sizeof local.storage;
    ::getsockname(socket.get(), local.raw(), &local.size);
    if (listener.redirected) ::getsockopt(socket.get(), SOL_IP, SO_ORIGINAL_DST, local.raw(), &local.size);
    const auto owner = owners.find(host_of(local.storage));
    if (owner == owners.end() || (listener.redirected && !owner->second->every_port)) return;
    const timeval idle{idle_seconds, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof idle);
    Accepted accepted{std::move(socket), ++connections, text_of(local.storage), text_of(peer.storage)};
    const Fixture* fixture = owner->second;
    const std::lock_guard lock(mutex);
    workers.emplace_back([this, fixture, connection = std::move(accepted)]() mutable {
      // A duplicate keeps the number from being given to another connection before it is out of `open`.
      const int listed = ::dup(connection.socket.get());
      {
        const std::lock_guard entered(mutex);
        open.insert(listed);
      }
      serve(std::move(connection), *fixture, authority.contexts.at(fixture->name).get(), *journal);
      const std::lock_guard done(mutex);
      open.erase(listed);
      ::close(listed);
    });
  }

  void write_dns_receipt(const DnsReply& reply, const sockaddr_storage& peer) {
    Receipt receipt;
    receipt.kind = ReceiptKind::dns;
    receipt.fixture = "dns";
    receipt.nonce = find_nonce(reply.name);
    receipt.local = config.dns_address + ":" + std::to_string(config.dns_port);
    receipt.peer = text_of(peer);
    receipt.name = reply.name;
    journal->write(receipt);
  }

  void answer_udp() {
    std::array<unsigned char, 4096> buffer{};
    Address peer;
    peer.size = sizeof peer.storage;
    const ssize_t got = ::recvfrom(dns_udp.get(), buffer.data(), buffer.size(), 0, peer.raw(), &peer.size);
    if (got <= 0) return;
    const auto reply = answer_dns(config, buffer.data(), static_cast<std::size_t>(got));
    if (!reply) return;
    write_dns_receipt(*reply, peer.storage);
    ::sendto(dns_udp.get(), reply->wire.data(), reply->wire.size(), 0, peer.raw(), peer.size);
  }

  void run() {
    for (;;) {
      std::vector<pollfd> entries{{wake_read.get(), POLLIN, 0}, {dns_udp.get(), POLLIN, 0}};
      for (const Listener& listener : listeners) entries.push_back({listener.fd.get(), POLLIN, 0});
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;
      if (entries[0].revents != 0) return;
      if (entries[1].revents != 0) answer_udp();
      for (std::size_t i = 0; i < listeners.size(); ++i)
        if (entries[i + 2].revents != 0) accept_one(listeners[i]);
    }
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::start(const Config& config) {
  auto impl = std::make_unique<Impl>();
  impl->config = config;
  auto authority = make_authority(config.fixtures);
  if (!authority) return tl::unexpected(authority.error());
  impl->authority = std::move(*authority);
  for (const auto& [name, context] : impl->authority.contexts) prepare_tls(context.get());
  auto journal = JournalWriter::create(config.journal);
  if (!journal) return tl::unexpected(journal.error());
  impl->journal = std::make_unique<JournalWriter>(std::move(*journal));

  for (const Fixture& fixture : impl->config.fixtures) {
    for (const std::string& address : fixture.addresses) {
      impl->owners[address] = &fixture;
      if (!fixture.listening) continue;
      for (const std::uint16_t port : fixture.ports) {
        auto fd = bind_to(address, port, SOCK_STREAM);
        if (!fd) return tl::unexpected(fd.error());
        impl->listeners.push_back({std::move(*fd), false});
      }
    }
  }
  if (config.redirect_port != 0) {
    auto fd = bind_to("0.0.0.0", config.redirect_port, SOCK_STREAM);
    if (!fd) return tl::unexpected(fd.error());
    impl->listeners.push_back({std::move(*fd), true});
  }
  if (!config.dns_address.empty()) {
    auto udp = bind_to(config.dns_address, config.dns_port, SOCK_DGRAM);
    if (!udp) return tl::unexpected(udp.error());
    impl->dns_udp = std::move(*udp);
  }
  int wake[2];
  if (::pipe2(wake, O_CLOEXEC) != 0) return tl::unexpected(system_error(ErrorKind::environment, "pipe2()"));
  impl->wake_read.reset(wake[0]);
  impl->wake_write.reset(wake[1]);
  if (auto written = write_file_atomically(config.ca_file, impl->authority.ca_pem); !written)
    return tl::unexpected(written.error());
  Impl* raw = impl.get();
  impl->loop = std::thread([raw] { raw->run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::stop() {
  if (!impl_ || !impl_->loop.joinable()) return;
  impl_->wake_write.reset();
  impl_->loop.join();
  impl_->listeners.clear();
  std::vector<std::thread> workers;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const int fd : impl_->open) ::shutdown(fd, SHUT_RDWR);
    workers.swap(impl_->workers);
  }
  for (std::thread& worker : workers) worker.join();
  impl_->journal->close();
}

}  // namespace egressproof::target
