#include "target/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "base/files.h"
#include "target/authority.h"
#include "target/connection.h"
#include "target/datagrams.h"
#include "target/dns_server.h"
#include "target/inspection.h"
#include "target/packets.h"
#include "target/relay.h"
#include "target/socket.h"
#include "target/workers.h"

namespace egressproof::target {
namespace {

// Two spellings of an IPv6 address are one key.
std::string canonical(const std::string& address) { return host_of(make_address(address, 0)); }

// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST; the headers of the kernel are at odds with <netinet/in.h>.
constexpr int original_dst = 80;

// Before netfilter's REDIRECT; unchanged if there was none.
void read_original_destination(int socket, Address& local) {
  Address original;
  const bool v6 = local.storage.ss_family == AF_INET6;
  if (::getsockopt(socket, v6 ? SOL_IPV6 : SOL_IP, original_dst, original.raw(), &original.size) == 0) local = original;
}

void prepare_socket(int socket, std::chrono::milliseconds idle) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(idle);
  const timeval limit{seconds.count(), std::chrono::microseconds(idle - seconds).count()};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

UniqueFd spare_descriptor() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

struct Server::Impl {
  struct Source {
    UniqueFd owned;  // invalid: `fd` belongs to another
    int fd = -1;
    std::function<void(int)> ready;  // with the descriptor
  };
  enum class Kind { fixture, redirected, relay, dns };

  Config config;
  Limits limits;
  Authority authority;
  std::unique_ptr<JournalWriter> journal;
  std::map<std::string, const Fixture*> owners;  // canonical address -> fixture
  std::unique_ptr<DnsServer> dns;
  std::unique_ptr<PacketWitness> packets;
  std::vector<Source> sources;
  UniqueFd wake;   // an eventfd: a thread ended, or `stopping`
  UniqueFd spare;  // given up where descriptors run out, to be able to take a connection off the queue
  std::atomic<bool> stopping{false};
  std::uint64_t connections = 0;
  std::atomic<int> relayed{0};  // connections that are spliced now
  std::unique_ptr<Workers> workers;
  std::thread loop;

  [[nodiscard]] const Fixture* owner_of(const std::string& host) const {
    const auto found = owners.find(host);
    return found == owners.end() ? nullptr : found->second;
  }
  [[nodiscard]] Owner owner() const {
    return [this](const std::string& host) { return owner_of(host); };
  }

  void wake_up() const {
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake.get(), &one, sizeof one));  // fails only if it is readable already
  }

  // True: there may be more.
  bool accept_one(int listener, Kind kind) {
    Address peer;
    UniqueFd socket(::accept4(listener, peer.raw(), &peer.size, SOCK_CLOEXEC));
    if (!socket.valid()) {
      if (errno == EINTR || errno == ECONNABORTED) return true;
      if (errno != EAGAIN && errno != EWOULDBLOCK) drop_one(listener);
      return false;
    }
    Address local;
    ::getsockname(socket.get(), local.raw(), &local.size);
    if (kind == Kind::redirected) read_original_destination(socket.get(), local);
    const Fixture* fixture = kind == Kind::dns ? &dns->fixture() : owner_of(host_of(local));
    if (fixture == nullptr || (kind == Kind::redirected && !fixture->every_port)) return true;
    prepare_socket(socket.get(), limits.idle);
    if (kind == Kind::relay) {
      pass_on(std::move(socket), *fixture, port_of(local));
      return true;
    }
    const std::uint64_t number = ++connections;
    Recorder recorder({number, text_of(local), text_of(peer)}, *fixture, *journal);
    if (!recorder.write(recorder.receipt(ReceiptKind::connection))) return true;
    SSL_CTX* tls = kind == Kind::dns ? nullptr : authority.contexts.at(fixture->name).get();
    const bool started = workers->start(std::move(socket), [this, kind, tls, recorder](int fd) {
      if (kind == Kind::dns)
        dns->serve(fd, recorder);
      else
        serve(fd, recorder, tls);
    });
    if (!started) journal->trouble("connection " + std::to_string(number) + " was closed: no thread could be had");
    return true;
  }

  // A relay that does not forward shows nothing of the policy that it stands for: the journal says so.
  void pass_on(UniqueFd socket, const Fixture& fixture, std::uint16_t port) {
    const auto closed = [this, &fixture](const std::string& why) {
      journal->trouble("relay '" + fixture.name + "' closed a connection: " + why);
    };
    if (relayed >= most_relayed) return closed("it has " + std::to_string(most_relayed) + " already");
    ++relayed;
    const bool started = workers->start(std::move(socket), [this, closed, &fixture, port](int client) {
      if (const auto done = relay(client, fixture, port, limits.idle); !done) closed(done.error().message);
      --relayed;
    });
    if (started) return;
    --relayed;
    closed("no thread could be had");
  }

  // Without descriptors a connection can be neither served nor refused, and would stay in the queue for ever. It is
  // closed, and the journal says so: what it would have carried is not known.
  void drop_one(int listener) {
    const Error error = system_error(ErrorKind::environment, "accept4()");
    if (spare.valid()) {
      journal->trouble("a connection was closed unseen: " + error.message);
      spare.reset();
      const UniqueFd dropped(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    }
    spare = spare_descriptor();
  }

  void run() {
    std::vector<pollfd> entries{{wake.get(), POLLIN, 0}};
    for (const Source& source : sources) entries.push_back({source.fd, POLLIN, 0});
    while (!stopping) {
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;
      if (entries[0].revents != 0) {
        std::uint64_t count = 0;
        static_cast<void>(::read(wake.get(), &count, sizeof count));
        workers->reap();
      }
      for (std::size_t i = 0; i < sources.size(); ++i)
        if (entries[i + 1].revents != 0) sources[i].ready(sources[i].fd);
    }
  }

  void add(UniqueFd fd, std::function<void(int)> ready) {
    const int number = fd.get();
    sources.push_back({std::move(fd), number, std::move(ready)});
  }

  Result<void> listen(const std::string& host, std::uint16_t port, Kind kind) {
    auto fd = bind_to(host, port, SOCK_STREAM | SOCK_NONBLOCK);
    if (!fd) return tl::unexpected(fd.error());
    add(std::move(*fd), [this, kind](int listener) {
      while (!stopping && accept_one(listener, kind)) {
      }
    });
    return {};
  }

  Result<void> listen_for_datagrams(const std::string& host, std::uint16_t port, const Fixture& fixture) {
    auto fd = bind_to(host, port, SOCK_DGRAM);
    if (!fd) return tl::unexpected(fd.error());
    add(std::move(*fd), [this, &fixture](int socket) {
      while (!stopping && answer_datagram(socket, fixture, *journal)) {
      }
    });
    return {};
  }

  Result<void> listen_on_fixture(const Fixture& fixture) {
    if (auto checked = check_relay(fixture); !checked) return checked;
    const Kind kind = fixture.relays_to.empty() ? Kind::fixture : Kind::relay;
    for (const std::string& address : fixture.addresses) {
      if (!owners.emplace(canonical(address), &fixture).second)
        return fail(ErrorKind::usage, "address '" + address + "' belongs to two fixtures");
      if (!fixture.listening) continue;
      for (const std::uint16_t port : fixture.ports)
        if (auto done = listen(address, port, kind); !done) return done;
      for (const std::uint16_t port : fixture.udp_ports)
        if (auto done = listen_for_datagrams(address, port, fixture); !done) return done;
    }
    return {};
  }

  // The ports that netfilter sends every port of a fixture to.
  Result<void> listen_on_every_port() {
    const bool v6 = std::any_of(owners.begin(), owners.end(), [](const auto& one) {
      return one.second->every_port && one.first.find(':') != std::string::npos;
    });
    for (const char* host : {"0.0.0.0", "::"}) {
      if (!v6 && std::string(host) == "::") continue;
      if (config.redirect_port != 0)
        if (auto done = listen(host, config.redirect_port, Kind::redirected); !done) return done;
      if (config.udp_redirect_port == 0) continue;
      auto fd = bind_to_every_udp_port(host, config.udp_redirect_port);
      if (!fd) return tl::unexpected(fd.error());
      add(std::move(*fd), [this](int socket) {
        while (!stopping && answer_redirected_datagram(socket, owner(), *journal)) {
        }
      });
    }
    return {};
  }

  Result<void> listen_for_dns() {
    if (config.dns_address.empty()) return {};
    dns = std::make_unique<DnsServer>(config, *journal);
    auto udp = bind_to(config.dns_address, config.dns_port, SOCK_DGRAM);
    if (!udp) return tl::unexpected(udp.error());
    add(std::move(*udp), [this](int socket) {
      while (!stopping && dns->answer_datagram(socket)) {
      }
    });
    return listen(config.dns_address, config.dns_port, Kind::dns);
  }

  // Last of all, so that whoever is answered knows that everything else listens.
  Result<void> listen_for_inspection() {
    if (config.inspection_port == 0) return {};
    auto fd = bind_to("127.0.0.1", config.inspection_port, SOCK_STREAM | SOCK_NONBLOCK);
    if (!fd) return tl::unexpected(fd.error());
    add(std::move(*fd), [this](int listener) {
      UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket.valid()) return;
      prepare_socket(socket.get(), limits.idle);
      workers->start(std::move(socket), [this](int client) { inspect(client, config.journal); });
    });
    return {};
  }

  Result<void> watch_packets() {
    if (!config.packet_witness) return {};
    // Of what comes to a relay the receipts are those of whom it relays to.
    const auto witnessed = [this](const std::string& host) {
      const Fixture* fixture = owner_of(host);
      return fixture != nullptr && fixture->relays_to.empty() ? fixture : nullptr;
    };
    auto opened = PacketWitness::open(witnessed, *journal);
    if (!opened) return tl::unexpected(opened.error());
    packets = std::make_unique<PacketWitness>(std::move(*opened));
    for (const int fd : packets->sockets()) sources.push_back({UniqueFd(), fd, [this](int) { packets->take(); }});
    return {};
  }

  Result<void> open() {
    if (auto checked = check_records(config); !checked) return checked;
    auto made = make_authority(config);
    if (!made) return tl::unexpected(made.error());
    authority = std::move(*made);
    for (const auto& [name, context] : authority.contexts) prepare_tls(context.get());
    auto created = JournalWriter::create(config.journal);
    if (!created) return tl::unexpected(created.error());
    journal = std::make_unique<JournalWriter>(std::move(*created));
    wake.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    spare = spare_descriptor();
    if (!wake.valid() || !spare.valid()) return tl::unexpected(system_error(ErrorKind::environment, "eventfd()"));
    workers = std::make_unique<Workers>([this] { wake_up(); });
    for (const Fixture& fixture : config.fixtures)
      if (auto done = listen_on_fixture(fixture); !done) return done;
    if (auto done = listen_on_every_port(); !done) return done;
    if (auto done = listen_for_dns(); !done) return done;
    if (auto done = watch_packets(); !done) return done;
    if (!config.ca_file.empty())
      if (auto written = write_file_atomically(config.ca_file, authority.ca_pem); !written) return written;
    return listen_for_inspection();
  }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }

int Server::connections() const { return impl_->workers->size(); }

Result<std::unique_ptr<Server>> Server::start(const Config& config, Limits limits) {
  auto impl = std::make_unique<Impl>();
  impl->config = config;
  impl->limits = limits;
  if (auto opened = impl->open(); !opened) return tl::unexpected(opened.error());
  Impl* raw = impl.get();
  impl->loop = std::thread([raw] { raw->run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::move_records() {
  if (impl_->dns) impl_->dns->move_records();
}

void Server::stop() {
  if (!impl_ || !impl_->loop.joinable()) return;
  impl_->stopping = true;
  impl_->wake_up();
  impl_->loop.join();
  if (impl_->packets) impl_->packets->take();
  impl_->sources.clear();
  impl_->workers->stop();
  impl_->journal->close();
}

}  // namespace egressproof::target
