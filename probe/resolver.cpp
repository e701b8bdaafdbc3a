#include "probe/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>

#include <array>

namespace egressproof::probe {
namespace {

using Clock = std::chrono::steady_clock;

Code code_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return Code::ok;
    case ARES_ENOTFOUND:
      return Code::name_not_found;
    case ARES_ENODATA:
      return Code::name_no_data;
    case ARES_ETIMEOUT:
      return Code::name_timeout;
    case ARES_ECONNREFUSED:
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_EBADRESP:
    case ARES_EFORMERR:
    case ARES_ENOTIMP:
      return Code::name_server_failure;
    default:
      return Code::local_error;
  }
}

}  // namespace

struct Resolution::Impl {
  ares_channel channel = nullptr;
  bool done = false;
  Code code = Code::local_error;
  std::vector<std::string> addresses;
  std::string detail;
  Clock::time_point deadline;

  void finish(Code with, const std::string& why) {
    done = true;
    code = with;
    detail = why;
  }

  static void arrived(void* self, int status, int, ares_addrinfo* result) {
    auto& impl = *static_cast<Impl*>(self);
    const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owner(result, ares_freeaddrinfo);
    if (impl.done || status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
    impl.finish(code_of(status), status == ARES_SUCCESS ? "" : ares_strerror(status));
    for (const ares_addrinfo_node* node = result == nullptr ? nullptr : result->nodes; node != nullptr;
         node = node->ai_next) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      const void* raw = node->ai_family == AF_INET
                            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr)
                            : &reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr;
      if (::inet_ntop(node->ai_family, raw, text.data(), text.size()) != nullptr)
        impl.addresses.emplace_back(text.data());
    }
    if (status == ARES_SUCCESS && impl.addresses.empty()) impl.code = Code::name_no_data;
  }
};

Resolution::Resolution(const std::string& name, Family family, const std::string& server, std::uint16_t port,
                       std::chrono::milliseconds limit)
    : impl_(std::make_unique<Impl>()) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  impl_->deadline = Clock::now() + limit;
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  char lookups[] = "b";
  options.lookups = lookups;
  options.tries = 3;
  options.timeout = static_cast<int>(std::max<std::int64_t>(1, limit.count() / 3));
  const int mask = ARES_OPT_FLAGS | ARES_OPT_LOOKUPS | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS;
  int status = library == ARES_SUCCESS ? ares_init_options(&impl_->channel, &options, mask) : library;
  if (status == ARES_SUCCESS && !server.empty()) {
    const bool v6 = server.find(':') != std::string::npos;
    const std::string csv = (v6 ? "[" + server + "]" : server) + ":" + std::to_string(port == 0 ? 53 : port);
    status = ares_set_servers_ports_csv(impl_->channel, csv.c_str());
  }
  if (status != ARES_SUCCESS) {
    impl_->finish(Code::local_error, std::string("c-ares: ") + ares_strerror(status));
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_family = family == Family::ipv4 ? AF_INET : family == Family::ipv6 ? AF_INET6 : AF_UNSPEC;
  ares_getaddrinfo(impl_->channel, name.c_str(), nullptr, &hints, Impl::arrived, impl_.get());
}

Resolution::~Resolution() {
  if (impl_->channel != nullptr) ares_destroy(impl_->channel);
}

void Resolution::add_interest(std::vector<pollfd>& entries) const {
  if (impl_->done) return;
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const int bits = ares_getsock(impl_->channel, sockets.data(), static_cast<int>(sockets.size()));
  for (unsigned i = 0; i < sockets.size(); ++i) {
    short events = 0;
    if (ARES_GETSOCK_READABLE(bits, i)) events |= POLLIN;
    if (ARES_GETSOCK_WRITABLE(bits, i)) events |= POLLOUT;
    if (events != 0) entries.push_back({sockets[i], events, 0});
  }
}

void Resolution::process() {
  if (impl_->done) return;
  std::vector<pollfd> entries;
  add_interest(entries);
  ::poll(entries.data(), entries.size(), 0);
  ares_process_fd(impl_->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // time-outs
  for (const pollfd& entry : entries) {
    const bool readable = (entry.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
    const bool writable = (entry.revents & POLLOUT) != 0;
    if (!impl_->done && (readable || writable))
      ares_process_fd(impl_->channel, readable ? entry.fd : ARES_SOCKET_BAD, writable ? entry.fd : ARES_SOCKET_BAD);
  }
  if (!impl_->done && Clock::now() >= impl_->deadline) impl_->finish(Code::name_timeout, "no answer within the limit");
}

bool Resolution::done() const { return impl_->done; }
Code Resolution::code() const { return impl_->code; }
const std::vector<std::string>& Resolution::addresses() const { return impl_->addresses; }
const std::string& Resolution::detail() const { return impl_->detail; }

}  // namespace egressproof::probe
