#include "probe/ticker.h"

#include <atomic>
#include <utility>

namespace egressproof::probe {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

std::atomic<bool> enough{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void end_ticks() { enough = true; }
void allow_ticks() { enough = false; }

Ticker::Ticker(EventLoop& loop, const Attempt& attempt, TickedExchange& exchange, std::function<void()> said)
    : loop_(loop),
      pace_(*attempt.ticks),
      limit_(attempt.limits.response),
      exchange_(exchange),
      said_(std::move(said)) {}

Ticker::~Ticker() { stop(); }

void Ticker::start() {
  began_ = EventLoop::Clock::now();
  send();
}

void Ticker::stop() { loop_.cancel(timer_); }

void Ticker::send() {
  Tick tick;
  tick.sent_at = duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch());
  ticks_.push_back(tick);
  sent_ = EventLoop::Clock::now();
  exchange_.tick();
  timer_ = loop_.at(sent_ + pace_.every, [this] { due(); });
}

void Ticker::look() {
  if (ticks_.empty() || ticks_.back().answered_after || exchange_.awaiting()) return;
  ticks_.back().answered_after = duration_cast<microseconds>(EventLoop::Clock::now() - sent_);
  ticks_.back().status = exchange_.status();
}

void Ticker::due() {
  const auto now = EventLoop::Clock::now();
  if (!exchange_.awaiting() && !enough && now < began_ + pace_.lasting) {
    send();
  } else if (!exchange_.awaiting()) {
    exchange_.finish();
  } else if (now < sent_ + limit_) {
    timer_ = loop_.at(std::min(now + pace_.every, sent_ + limit_), [this] { due(); });
    return;
  } else {
    exchange_.timed_out(std::to_string(limit_.count()) + " ms");
  }
  said_();
}

}  // namespace egressproof::probe
