#include "probe/stage_clock.h"

#include <utility>

namespace egressproof::probe {

std::chrono::milliseconds limit_of(const StageLimits& limits, Stage stage) {
  switch (stage) {
    case Stage::resolve:
      return limits.resolve;
    case Stage::connect:
      return limits.connect;
    case Stage::tls:
      return limits.tls;
    case Stage::request:
    case Stage::response:
      break;
  }
  return limits.response;
}

StageClock::StageClock(EventLoop& loop, const StageLimits& limits, std::function<void()> expired)
    : loop_(loop), limits_(limits), expired_(std::move(expired)) {}

StageClock::~StageClock() { loop_.cancel(timer_); }

void StageClock::enter(Stage stage) {
  if (ended_ || (!stages_.empty() && stages_.back().stage == stage)) return;
  finish_current(Code::ok);
  stages_.push_back({stage, Code::ok, {}});
  timer_ = loop_.at(since_ + limit_of(limits_, stage), expired_);
}

void StageClock::end(Code code) {
  if (ended_) return;
  finish_current(code);
  ended_ = true;
}

void StageClock::finish_current(Code code) {
  const auto now = EventLoop::Clock::now();
  if (!stages_.empty()) {
    stages_.back().code = code;
    stages_.back().took = std::chrono::duration_cast<std::chrono::microseconds>(now - since_);
  }
  since_ = now;
  loop_.cancel(timer_);
}

}  // namespace egressproof::probe
