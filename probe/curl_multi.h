// libcurl's multi handle, driven by the event loop.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <unordered_map>

#include "probe/event_loop.h"

namespace egressproof::probe {

class CurlMulti {
 public:
  explicit CurlMulti(EventLoop& loop);
  ~CurlMulti();  // every handle must be removed before
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  // `done` is called once when the transfer ended, never from within libcurl nor from within add().
  void add(CURL* easy, std::function<void(CURLcode)> done);
  void remove(CURL* easy);  // closes its connection

  // The kernel refused to watch a socket or libcurl gave up: no result from now on is evidence of anything.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*);
  static int on_timer(CURLM* multi, long timeout_ms, void* self);
  void act(curl_socket_t fd, int events);

  EventLoop& loop_;
  CURLM* multi_;
  EventLoop::Timer timer_;
  std::unordered_map<CURL*, std::function<void(CURLcode)>> done_;
  bool broken_ = false;
};

}  // namespace egressproof::probe
