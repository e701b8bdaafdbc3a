#include "probe/event_loop.h"

#include <algorithm>
#include <array>
#include <limits>

namespace egressproof::probe {
namespace {

constexpr std::size_t events_a_turn = 256;
constexpr unsigned serial_shift = 32;

// An event of this turn may be for a descriptor that was closed and given out again meanwhile; the serial tells.
std::uint64_t tag(int fd, std::uint32_t serial) {
  return static_cast<std::uint64_t>(serial) << serial_shift | static_cast<std::uint32_t>(fd);
}

}  // namespace

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

bool EventLoop::watch(int fd, std::uint32_t events, OnEvents call) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag(fd, ++watch_serial_);
  watches_[fd] = {watch_serial_, std::make_shared<OnEvents>(std::move(call))};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0 ||
         ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::unwatch(int fd) {
  if (watches_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::Timer EventLoop::at(Clock::time_point when, std::function<void()> call) {
  const Timer timer{when, ++timer_serial_};
  timers_.emplace(timer, std::move(call));
  return timer;
}

void EventLoop::cancel(Timer& timer) {
  timers_.erase(timer);
  timer = {};
}

void EventLoop::turn() {
  call_events();
  call_timers();
}

void EventLoop::call_events() {
  int wait_ms = -1;
  if (!timers_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now());
    wait_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
  }
  std::array<epoll_event, events_a_turn> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const auto found = watches_.find(static_cast<int>(static_cast<std::uint32_t>(event.data.u64)));
    if (found == watches_.end() || found->second.serial != event.data.u64 >> serial_shift) continue;
    const std::shared_ptr<OnEvents> call = found->second.call;
    (*call)(event.events);
  }
}

void EventLoop::call_timers() {
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto due = timers_.extract(timers_.begin());
    due.mapped()();
  }
}

}  // namespace egressproof::probe
