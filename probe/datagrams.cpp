#include "probe/datagrams.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "probe/classify.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t largest = 65535;  // bytes of a datagram
constexpr std::size_t excerpt_size = 512;

}  // namespace

Datagrams::Datagrams(EventLoop& loop, const Attempt& attempt, const std::string& address, std::function<void()> on_done)
    : loop_(loop),
      attempt_(attempt),
      address_(address),
      on_done_(std::move(on_done)),
      clock_(loop, attempt.limits, [this] {
        const std::string limit = std::to_string(limit_of(attempt_.limits, clock_.current()).count()) + " ms";
        if (clock_.current() == Stage::connect)
          end(Code::connect_timeout, "not done within " + limit);
        else
          end(Code::response_timeout, "no answer to " + std::to_string(sent_) + " datagrams within " + limit);
      }) {
  clock_.enter(Stage::connect);
  auto opened = open_datagrams(attempt_, address_);
  if (!opened) {
    end(opened.error().code, opened.error().why);
    return;
  }
  socket_ = std::move(*opened);
  local_ = socket_->local();
  clock_.enter(Stage::request);
  if (!loop_.watch(socket_->fd(), EPOLLIN, [this](std::uint32_t) { receive(); })) {
    end(Code::local_error, "the socket could not be watched");
    return;
  }
  send();
}

Datagrams::~Datagrams() {
  loop_.cancel(next_);
  if (socket_) loop_.unwatch(socket_->fd());
}

void Datagrams::send() {
  if (ended_) return;
  // A full queue, or a neighbour that is not known yet, is a lost datagram. All else an earlier one may have brought
  // back.
  if (const int error = socket_->send(); error != 0 && error != ENOBUFS && error != EAGAIN) {
    end(classify_errno(Stage::connect, error), std::string("send: ") + std::strerror(error));
    return;
  }
  ++sent_;
  if (!attempt_.expects_answer && sent_ == attempt_.datagrams) {
    end(Code::ok, "");
    return;
  }
  clock_.enter(Stage::response);
  if (sent_ >= attempt_.datagrams) return;
  const auto spacing = attempt_.limits.response / (attempt_.datagrams + 1);
  next_ = loop_.at(EventLoop::Clock::now() + spacing, [this] { send(); });
}

void Datagrams::receive() {
  std::string bytes(largest, '\0');
  while (!ended_) {
    const ssize_t got = ::recv(socket_->fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (got < 0) {
      const int error = errno;
      end(classify_errno(Stage::connect, error), std::string("an ICMP error came back: ") + std::strerror(error));
      return;
    }
    switch (socket_->received({bytes.data(), static_cast<std::size_t>(got)}, payload_)) {
      case Arrived::answer:
        end(Code::ok, "");
        break;
      case Arrived::refused:
        end(Code::connect_refused, "a RST came back");
        break;
      case Arrived::nothing:
        break;
    }
  }
}

void Datagrams::end(Code code, const std::string& detail) {
  if (std::exchange(ended_, true)) return;
  loop_.cancel(next_);
  if (socket_) loop_.unwatch(socket_->fd());
  code_ = code;
  detail_ = detail;
  clock_.end(code);
  on_done_();
}

void Datagrams::tell(Observation& seen) const {
  seen.code = code_;
  seen.detail = detail_;
  seen.reached = clock_.current();
  seen.stages.insert(seen.stages.end(), clock_.stages().begin(), clock_.stages().end());
  seen.peer = end_of(address_, attempt_.port);
  seen.local = local_;
  seen.answer = find_answer(payload_);
  seen.body_excerpt = escape(payload_, excerpt_size);
  seen.bytes_received = payload_.size();
}

}  // namespace egressproof::probe
