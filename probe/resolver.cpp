#include "probe/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>

#include <array>
#include <utility>

namespace egressproof::probe {
namespace {

using Clock = EventLoop::Clock;
using std::chrono::microseconds;

// Within the limit: c-ares waits twice as long for each query as for the one before, 1 + 2 + 4 + 8 parts of it in all.
// A datagram that is lost is no outage.
constexpr int tries = 4;
constexpr int limit_parts = (1 << tries) - 1;

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

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, address, text.data(), text.size()) == nullptr ? "" : text.data();
}

std::vector<std::string> addresses_of(const ares_addrinfo* result) {
  std::vector<std::string> texts;
  for (const ares_addrinfo_node* node = result == nullptr ? nullptr : result->nodes; node != nullptr;
       node = node->ai_next) {
    if (node->ai_family == AF_INET)
      texts.push_back(text_of(AF_INET, &reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr));
    else
      texts.push_back(text_of(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr));
  }
  return texts;
}

int parse_a(const unsigned char* answer, int size, std::vector<std::string>& texts) {
  std::array<ares_addrttl, 64> found{};
  int count = static_cast<int>(found.size());
  const int status = ares_parse_a_reply(answer, size, nullptr, found.data(), &count);
  for (int i = 0; status == ARES_SUCCESS && i < count; ++i)
    texts.push_back(text_of(AF_INET, &found[static_cast<std::size_t>(i)].ipaddr));
  return status;
}

int parse_aaaa(const unsigned char* answer, int size, std::vector<std::string>& texts) {
  std::array<ares_addr6ttl, 64> found{};
  int count = static_cast<int>(found.size());
  const int status = ares_parse_aaaa_reply(answer, size, nullptr, found.data(), &count);
  for (int i = 0; status == ARES_SUCCESS && i < count; ++i)
    texts.push_back(text_of(AF_INET6, &found[static_cast<std::size_t>(i)].ip6addr));
  return status;
}

int parse_txt(const unsigned char* answer, int size, std::vector<std::string>& texts) {
  ares_txt_ext* first = nullptr;
  const int status = ares_parse_txt_reply_ext(answer, size, &first);
  const std::unique_ptr<ares_txt_ext, void (*)(void*)> owner(first, ares_free_data);
  for (const ares_txt_ext* part = first; part != nullptr; part = part->next) {
    if (part->record_start != 0 || texts.empty()) texts.emplace_back();
    texts.back().append(reinterpret_cast<const char*>(part->txt), part->length);
  }
  return status;
}

}  // namespace

struct Resolution::Impl {
  EventLoop& loop;
  Question question;
  std::function<void()> on_done;
  ares_channel channel = nullptr;
  EventLoop::Timer timer;
  Clock::time_point begun = Clock::now();
  bool done = false;
  StageResult stage;
  std::vector<std::string> answers;
  std::string detail;

  Impl(EventLoop& with, const Question& asked, std::function<void()> call)
      : loop(with), question(asked), on_done(std::move(call)) {}
  ~Impl() {
    done = true;
    loop.cancel(timer);
    if (channel != nullptr) ares_destroy(channel);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void finish(Code code, const std::string& why) {
    if (std::exchange(done, true)) return;
    loop.cancel(timer);
    stage.code = code;
    stage.took = std::chrono::duration_cast<microseconds>(Clock::now() - begun);
    detail = why;
    on_done();
  }

  void finish_status(int status) {
    if (status == ARES_SUCCESS && answers.empty()) status = ARES_ENODATA;
    finish(code_of(status), status == ARES_SUCCESS ? "" : ares_strerror(status));
  }

  static void on_socket(void* self_pointer, ares_socket_t fd, int readable, int writable) {
    auto* self = static_cast<Impl*>(self_pointer);
    const std::uint32_t events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
    if (events == 0)
      self->loop.unwatch(fd);
    else if (!self->loop.watch(fd, events, [self, fd](std::uint32_t happened) { self->process(fd, happened); }))
      self->finish(Code::local_error, "the socket could not be watched");
  }

  void process(ares_socket_t fd, std::uint32_t happened) {
    const bool failed = (happened & (EPOLLERR | EPOLLHUP)) != 0;
    ares_process_fd(channel, failed || (happened & EPOLLIN) != 0 ? fd : ARES_SOCKET_BAD,
                    failed || (happened & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
    set_timer();
  }

  void set_timer() {
    loop.cancel(timer);
    if (done) return;
    const auto deadline = begun + question.limit;
    if (Clock::now() >= deadline) {
      finish(Code::name_timeout, "no answer within " + std::to_string(question.limit.count()) + " ms");
      return;
    }
    timeval next{};
    auto when = deadline;
    if (ares_timeout(channel, nullptr, &next) != nullptr)
      when = std::min(when, Clock::now() + std::chrono::seconds(next.tv_sec) + microseconds(next.tv_usec));
    timer = loop.at(when, [this] {
      ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      set_timer();
    });
  }

  static void on_addresses(void* self_pointer, int status, int, ares_addrinfo* result) {
    auto& self = *static_cast<Impl*>(self_pointer);
    const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owner(result, ares_freeaddrinfo);
    if (self.done) return;
    if (status == ARES_SUCCESS) self.answers = addresses_of(result);
    self.finish_status(status);
  }

  static void on_answer(void* self_pointer, int status, int, unsigned char* answer, int size) {
    auto& self = *static_cast<Impl*>(self_pointer);
    if (self.done) return;
    if (status == ARES_SUCCESS) {
      const auto parse = self.question.type == "A" ? parse_a : self.question.type == "AAAA" ? parse_aaaa : parse_txt;
      status = parse(answer, size, self.answers);
    }
    self.finish_status(status);
  }

  int open() {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return library;
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | (question.over_tcp ? ARES_FLAG_USEVC : 0);
    char lookups[] = "b";
    options.lookups = lookups;
    options.tries = tries;
    options.timeout = static_cast<int>(std::max<std::int64_t>(1, question.limit.count() / limit_parts));
    options.sock_state_cb = on_socket;
    options.sock_state_cb_data = this;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_LOOKUPS | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB;
    const int status = ares_init_options(&channel, &options, mask);
    if (status != ARES_SUCCESS || question.server.empty()) return status;
    const bool v6 = question.server.find(':') != std::string::npos;
    const std::string server =
        (v6 ? "[" + question.server + "]" : question.server) + ":" + std::to_string(question.port);
    return ares_set_servers_ports_csv(channel, server.c_str());
  }

  void ask() {
    const char* name = question.name.c_str();
    if (!question.type.empty()) {
      const int type = question.type == "A" ? ns_t_a : question.type == "AAAA" ? ns_t_aaaa : ns_t_txt;
      ares_query(channel, name, ns_c_in, type, on_answer, this);
      return;
    }
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_family = question.family == Family::ipv4   ? AF_INET
                      : question.family == Family::ipv6 ? AF_INET6
                                                        : AF_UNSPEC;
    ares_getaddrinfo(channel, name, nullptr, &hints, on_addresses, this);
  }
};

Resolution::Resolution(EventLoop& loop, const Question& question, std::function<void()> on_done)
    : impl_(std::make_unique<Impl>(loop, question, std::move(on_done))) {
  const int status = impl_->open();
  if (status != ARES_SUCCESS) {
    impl_->finish(Code::local_error, std::string("c-ares: ") + ares_strerror(status));
    return;
  }
  impl_->ask();
  impl_->set_timer();
}

Resolution::~Resolution() = default;

bool Resolution::done() const { return impl_->done; }
StageResult Resolution::stage() const { return impl_->stage; }
const std::vector<std::string>& Resolution::answers() const { return impl_->answers; }
const std::string& Resolution::detail() const { return impl_->detail; }

}  // namespace egressproof::probe
