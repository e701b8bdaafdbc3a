#include "probe/curl_multi.h"

#include <utility>
#include <vector>

namespace egressproof::probe {

CurlMulti::CurlMulti(EventLoop& loop) : loop_(loop), multi_(curl_multi_init()) {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);  // one attempt, one connection
}

CurlMulti::~CurlMulti() {
  loop_.cancel(timer_);
  curl_multi_cleanup(multi_);
}

void CurlMulti::add(CURL* easy, std::function<void(CURLcode)> done) {
  done_[easy] = std::move(done);
  if (curl_multi_add_handle(multi_, easy) != CURLM_OK) broken_ = true;
}

void CurlMulti::remove(CURL* easy) {
  done_.erase(easy);
  curl_multi_remove_handle(multi_, easy);
}

int CurlMulti::on_socket(CURL*, curl_socket_t fd, int what, void* self_pointer, void*) {
  auto* self = static_cast<CurlMulti*>(self_pointer);
  if (what == CURL_POLL_REMOVE) {
    self->loop_.unwatch(fd);
    return 0;
  }
  std::uint32_t events = 0;
  if ((what & CURL_POLL_IN) != 0) events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) events |= EPOLLOUT;
  const bool watched = self->loop_.watch(fd, events, [self, fd](std::uint32_t happened) {
    int bits = 0;
    if ((happened & EPOLLIN) != 0) bits |= CURL_CSELECT_IN;
    if ((happened & EPOLLOUT) != 0) bits |= CURL_CSELECT_OUT;
    if ((happened & (EPOLLERR | EPOLLHUP)) != 0) bits |= CURL_CSELECT_ERR;
    self->act(fd, bits);
  });
  if (!watched) self->broken_ = true;
  return 0;
}

int CurlMulti::on_timer(CURLM*, long timeout_ms, void* self_pointer) {
  auto* self = static_cast<CurlMulti*>(self_pointer);
  self->loop_.cancel(self->timer_);
  if (timeout_ms >= 0)
    self->timer_ = self->loop_.at(EventLoop::Clock::now() + std::chrono::milliseconds(timeout_ms),
                                  [self] { self->act(CURL_SOCKET_TIMEOUT, 0); });
  return 0;
}

void CurlMulti::act(curl_socket_t fd, int events) {
  int running = 0;
  if (curl_multi_socket_action(multi_, fd, events, &running) != CURLM_OK) broken_ = true;
  std::vector<std::pair<CURL*, CURLcode>> ended;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left))
    if (message->msg == CURLMSG_DONE) ended.emplace_back(message->easy_handle, message->data.result);
  for (const auto& [easy, code] : ended) {
    auto entry = done_.extract(easy);
    if (!entry.empty()) entry.mapped()(code);
  }
}

}  // namespace egressproof::probe
