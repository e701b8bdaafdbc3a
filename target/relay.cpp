#include "target/relay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "target/socket.h"

namespace egressproof::target {
namespace {

constexpr timeval connect_limit{5, 0};
constexpr std::size_t chunk = 16384;  // bytes

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// What goes one way. Nothing more is read before all that was read is on its way: whoever does not take it slows down
// the other end, as on a connection without a relay.
class Direction {
 public:
  Direction(int from, int to) : from_(from), to_(to) {}

  // As far as it goes without waiting. False: one of the connections broke.
  bool move() {
    if (pending_.empty() && !ended_ && !read()) return false;
    if (!pending_.empty() && !write()) return false;
    if (ended_ && pending_.empty() && !passed_on_) {
      passed_on_ = true;
      ::shutdown(to_, SHUT_WR);
    }
    return true;
  }
  [[nodiscard]] bool reads() const { return pending_.empty() && !ended_; }
  [[nodiscard]] bool writes() const { return !pending_.empty(); }
  [[nodiscard]] bool over() const { return passed_on_; }

 private:
  bool read() {
    std::array<char, chunk> buffer{};
    const ssize_t got = ::recv(from_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) return would_block();
    ended_ = got == 0;
    pending_.assign(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
  bool write() {
    const ssize_t sent = ::send(to_, pending_.data(), pending_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return would_block();
    pending_.erase(0, static_cast<std::size_t>(sent));
    return true;
  }

  int from_, to_;
  std::string pending_;     // read, not yet written
  bool ended_ = false;      // nothing more comes
  bool passed_on_ = false;  // and the other end was told
};

// One end's entry: `in` comes from it, `out` goes to it. One that nothing is awaited of is left out once its own end
// was passed on to it; until then an error or a hang-up is still of interest.
pollfd entry_of(int socket, const Direction& in, const Direction& out) {
  const int events = (in.reads() ? POLLIN : 0) | (out.writes() ? POLLOUT : 0);
  return {events == 0 && out.over() ? -1 : socket, static_cast<short>(events), 0};
}

// A hang-up is no end of one direction but of the connection: reset, or shut down by this process.
bool is_broken(const pollfd& entry) { return entry.events == 0 && (entry.revents & (POLLHUP | POLLERR)) != 0; }

void splice(int client, int server, std::chrono::milliseconds idle) {
  Direction up(client, server);
  Direction down(server, client);
  while (up.move() && down.move() && !(up.over() && down.over())) {
    std::array<pollfd, 2> entries{entry_of(client, up, down), entry_of(server, down, up)};
    const int ready = ::poll(entries.data(), entries.size(), static_cast<int>(idle.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || std::any_of(entries.begin(), entries.end(), is_broken)) return;
  }
}

Result<UniqueFd> connect_to(const Fixture& fixture, std::uint16_t port) {
  Address from = make_address(fixture.addresses.front(), 0);
  Address to = make_address(fixture.relays_to, port);
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  // The port is chosen when the other end is known: one per connection, not one per address.
  ::setsockopt(fd.get(), SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &connect_limit, sizeof connect_limit);
  if (!fd.valid() || ::bind(fd.get(), from.raw(), from.size) != 0 || ::connect(fd.get(), to.raw(), to.size) != 0)
    return tl::unexpected(
        system_error(ErrorKind::environment, "connect('" + text_of(to) + "') from '" + host_of(from) + "'"));
  return fd;
}

}  // namespace

Result<void> check_relay(const Fixture& fixture) {
  if (fixture.relays_to.empty()) return {};
  const auto is_ipv4 = [](const std::string& host) { return make_address(host, 0).storage.ss_family == AF_INET; };
  if (!is_ipv4(fixture.relays_to))
    return fail(ErrorKind::usage,
                "fixture '" + fixture.name + "' relays to '" + fixture.relays_to + "', which is no IPv4 address");
  if (fixture.every_port || fixture.speaks_first || !fixture.udp_ports.empty() || fixture.addresses.empty() ||
      !std::all_of(fixture.addresses.begin(), fixture.addresses.end(), is_ipv4))
    return fail(ErrorKind::usage, "fixture '" + fixture.name + "' relays: it has IPv4 addresses and 'ports' alone");
  return {};
}

Result<void> relay(int client, const Fixture& fixture, std::uint16_t port, std::chrono::milliseconds idle) {
  const auto server = connect_to(fixture, port);
  if (!server) return tl::unexpected(server.error());
  splice(client, server->get(), idle);
  return {};
}

}  // namespace egressproof::target
