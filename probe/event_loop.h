// Descriptors and timers on one thread, by epoll. Callbacks run from turn() alone and may call anything here.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/unique_fd.h"

namespace egressproof::probe {

class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using OnEvents = std::function<void(std::uint32_t events)>;  // of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP
  using Timer = std::pair<Clock::time_point, std::uint64_t>;   // a default one is none

  EventLoop();
  [[nodiscard]] bool valid() const { return epoll_.valid(); }  // false: the kernel gave no descriptor

  // Level-triggered; replaces an earlier watch of the same descriptor, which is borrowed. False: the kernel refused.
  bool watch(int fd, std::uint32_t events, OnEvents call);
  void unwatch(int fd);  // before it is closed

  Timer at(Clock::time_point when, std::function<void()> call);
  void cancel(Timer& timer);  // makes it none; harmless if it has fired

  // Waits for the next event or timer, and calls all that is due.
  void turn();

 private:
  struct Watch {
    std::uint32_t serial = 0;
    std::shared_ptr<OnEvents> call;  // shared, so that it may replace or remove itself
  };
  void call_events();
  void call_timers();

  UniqueFd epoll_;
  std::unordered_map<int, Watch> watches_;
  std::map<Timer, std::function<void()>> timers_;
  std::uint32_t watch_serial_ = 0;
  std::uint64_t timer_serial_ = 0;
};

}  // namespace egressproof::probe
