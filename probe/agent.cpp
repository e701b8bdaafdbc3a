#include "probe/agent.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/unique_fd.h"
#include "probe/batches.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t shortest_key = 32;
constexpr int backlog = 128;

Result<UniqueFd> listen_at(const std::string& address, std::uint16_t port, std::uint16_t& bound) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  socklen_t size = 0;
  if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    size = sizeof *v6;
  } else {
    return fail(ErrorKind::usage, "'" + address + "' is not an IP address");
  }
  auto* raw = reinterpret_cast<sockaddr*>(&storage);
  UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!fd.valid() || ::bind(fd.get(), raw, size) != 0 || ::listen(fd.get(), backlog) != 0)
    return tl::unexpected(
        system_error(ErrorKind::environment, "listen('" + address + "', " + std::to_string(port) + ")"));
  size = sizeof storage;
  ::getsockname(fd.get(), raw, &size);
  bound = ntohs(storage.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
  return fd;
}

// Readable once the client is gone or `stop` is readable.
UniqueFd watch_for_end(int client, int stop) {
  UniqueFd both(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event gone{};
  gone.events = EPOLLRDHUP;  // and EPOLLHUP, EPOLLERR
  epoll_event stopped{};
  stopped.events = EPOLLIN;
  if (::epoll_ctl(both.get(), EPOLL_CTL_ADD, client, &gone) != 0 ||
      ::epoll_ctl(both.get(), EPOLL_CTL_ADD, stop, &stopped) != 0)
    both.reset();
  return both;
}

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

// The lines of a body, or why they are no batch.
tl::expected<std::vector<std::string>, Refusal> lines_of(std::string_view body, std::size_t most_attempts) {
  const Refusal malformed{400, "malformed", "the body is not the lines of one batch, from \"batch\" to \"run\""};
  if (body.empty() || body.back() != '\n') return tl::unexpected(malformed);
  const auto count = static_cast<std::size_t>(std::count(body.begin(), body.end(), '\n'));
  if (count > most_attempts + 2)
    return tl::unexpected(
        Refusal{413, "too_many", "a batch has at most " + std::to_string(most_attempts) + " attempts"});
  std::vector<std::string> lines;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    lines.emplace_back(body.substr(0, end));
    body.remove_prefix(end + 1);
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string type = type_of(lines[i]);
    if ((i == 0) != (type == "batch") || (i + 1 == lines.size()) != (type == "run")) return tl::unexpected(malformed);
  }
  return lines;
}

}  // namespace

struct Agent::Impl {
  struct Client {
    UniqueFd socket;
    std::thread thread;
    std::atomic<bool> ended{false};
  };

  explicit Impl(AgentOptions given) : options(std::move(given)), admission(options.key, options.run) {}

  AgentOptions options;
  Admission admission;
  UniqueFd listener, wake, stop_now;  // wake: the listening loop's end; stop_now: that of a running batch
  std::uint16_t port = 0;
  std::list<Client> clients;  // of the listening thread; after its end, of stop()
  std::thread loop;
  std::mutex mutex;
  std::condition_variable idle;
  int batches = 0;  // admitted and not yet answered in full
  bool stopping = false;

  bool refuse(HttpServerConnection& http, const Refusal& why) const {
    if (why.status == 0) return false;
    const bool keep = http.body_complete() && http.keep_alive();
    const std::string body =
        Json{{"error", why.error}, {"message", why.message}}.dump(-1, ' ', false, Json::error_handler_t::replace);
    const char* fields = why.status == 429 ? "Retry-After: 1\r\n" : why.status == 405 ? "Allow: GET, POST\r\n" : "";
    return http.reply(why.status, "application/json", body + "\n", keep, fields) && keep;
  }

  // One batch or nothing begins after this says true; end_batch() must follow.
  bool begin_batch() {
    const std::lock_guard lock(mutex);
    if (!stopping) ++batches;
    return !stopping;
  }
  void end_batch() {
    const std::lock_guard lock(mutex);
    --batches;
    idle.notify_all();
  }
  bool is_stopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  // False: the connection is over.
  bool run_batch(HttpServerConnection& http, int client, const std::string& id, const std::vector<std::string>& lines) {
    const UniqueFd ends = watch_for_end(client, stop_now.get());
    if (!ends.valid()) {
      admission.release();
      return refuse(http, {503, "environment", "the batch's end could not be watched for"});
    }
    EngineOptions engine = options.engine;
    engine.stop_fd = ends.get();
    std::string told;
    http.begin_stream("application/x-ndjson", http.keep_alive());
    const auto tell = [&](const std::string& line) {
      told.append(line).append("\n");
      http.stream(line + "\n");
    };
    Batches carried(engine, [&](const std::string& line) {
      // The closing record of a batch that was cut short would make it look whole.
      if (type_of(line) != "closing" || !readable(ends.get())) tell(line);
    });
    if (!readable(ends.get()))
      for (const std::string& line : lines) carried.take(line);
    // Before the client knows that its batch is over: it may send the next one at once.
    admission.release();
    if (readable(ends.get())) return false;
    tell(encode(ResultSignature{id, admission.result_mac(id, told)}));
    return http.end_stream() && http.keep_alive();
  }

  bool serve_batch(HttpServerConnection& http, int client, const std::string& field) {
    if (field.empty()) return refuse(http, {401, "unsigned", std::string("there is no field ") + signature_field});
    const auto signature = decode_batch_signature(field);
    if (!signature) return refuse(http, {401, "unsigned", signature.error().message});
    const auto now = [] {
      return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    };
    if (const auto refused = admission.check(*signature, now())) return refuse(http, *refused);
    const auto body = http.body();
    if (!body) return refuse(http, body.error());
    // Who signed it comes before what it says: only the runner is told what is wrong with it.
    if (!admission.genuine(*signature, *body))
      return refuse(http, {401, "forged", "the signature is not that of this body by the run's key"});
    const auto lines = lines_of(*body, options.most_attempts);
    if (!lines) return refuse(http, lines.error());
    if (!begin_batch()) return refuse(http, {503, "stopping", "the probe is about to end"});
    const auto refused = admission.admit(*signature, now());
    const bool goes_on = refused ? refuse(http, *refused) : run_batch(http, client, signature->id, *lines);
    end_batch();
    return goes_on;
  }

  // False: the connection is over.
  bool serve_request(HttpServerConnection& http, int client) {
    const auto request = http.head();
    if (!request) return refuse(http, request.error());
    if (request->upgrade) return refuse(http, {400, "upgrade", "only HTTP/1.1 is spoken here"});
    if (request->target != "/healthz" && request->target != batch_path)
      return refuse(http, request->method == "CONNECT" ? Refusal{405, "method", "this is no proxy"}
                                                       : Refusal{404, "not_found", "there is nothing here"});
    const bool health = request->target == "/healthz";
    if (request->method != (health ? "GET" : "POST")) return refuse(http, {405, "method", "not by this method"});
    if (!health) return serve_batch(http, client, request->signature);
    if (is_stopping()) return refuse(http, {503, "stopping", "the probe is about to end"});
    const bool keep = http.body_complete() && http.keep_alive();
    const std::string body = Json{{"status", "ok"}, {"version", EGRESSPROOF_VERSION}}.dump() + "\n";
    return http.reply(200, "application/json", body, keep) && keep;
  }

  void serve(int client) {
    const int on = 1;
    const unsigned unacknowledged_ms = static_cast<unsigned>(options.http.write_idle.count());
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(client, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
    HttpServerConnection http(client, options.http);
    while (serve_request(http, client)) {
    }
    http.finish();
  }

  void reap() {
    for (auto at = clients.begin(); at != clients.end();) {
      if (!at->ended) {
        ++at;
        continue;
      }
      at->thread.join();
      at = clients.erase(at);
    }
  }

  void accept_one() {
    UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    reap();
    if (!socket.valid() || static_cast<int>(clients.size()) >= options.most_connections) return;
    Client& client = clients.emplace_back();
    client.socket = std::move(socket);
    try {
      client.thread = std::thread([this, &client] {
        serve(client.socket.get());
        ::shutdown(client.socket.get(), SHUT_RDWR);  // closed by the owner, who may be shutting it down just now
        client.ended = true;
      });
    } catch (const std::system_error&) {
      clients.pop_back();
    }
  }

  void run() {
    for (;;) {
      std::array<pollfd, 2> entries{pollfd{wake.get(), POLLIN, 0}, pollfd{listener.get(), POLLIN, 0}};
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;
      if (entries[0].revents != 0) return;
      accept_one();
    }
  }

  static void signal(const UniqueFd& event) {
    const std::uint64_t one = 1;
    static_cast<void>(::write(event.get(), &one, sizeof one));  // fails only if it is readable already
  }
};

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() { stop(std::chrono::milliseconds(0)); }

std::uint16_t Agent::port() const { return impl_->port; }

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options) {
  if (!is_run_id(options.run)) return fail(ErrorKind::usage, "'" + options.run + "' is no id of a run");
  if (options.key.size() < shortest_key)
    return fail(ErrorKind::usage, "the key has fewer than " + std::to_string(shortest_key) + " bytes");
  auto impl = std::make_unique<Impl>(std::move(options));
  auto listener = listen_at(impl->options.address, impl->options.port, impl->port);
  if (!listener) return tl::unexpected(listener.error());
  impl->listener = std::move(*listener);
  impl->wake.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  impl->stop_now.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!impl->wake.valid() || !impl->stop_now.valid())
    return tl::unexpected(system_error(ErrorKind::environment, "eventfd()"));
  Impl* raw = impl.get();
  impl->loop = std::thread([raw] { raw->run(); });
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

void Agent::stop(std::chrono::milliseconds grace) {
  if (!impl_->loop.joinable()) return;
  {
    std::unique_lock lock(impl_->mutex);
    impl_->stopping = true;
    impl_->idle.wait_for(lock, grace, [&] { return impl_->batches == 0; });
  }
  Impl::signal(impl_->stop_now);
  Impl::signal(impl_->wake);
  impl_->loop.join();
  for (Impl::Client& client : impl_->clients) ::shutdown(client.socket.get(), SHUT_RDWR);
  for (Impl::Client& client : impl_->clients) client.thread.join();
  impl_->clients.clear();
}

}  // namespace egressproof::probe
