// Which stage of an attempt runs, for how long, and the timer that ends it.
#pragma once

#include <functional>
#include <vector>

#include "probe/attempt.h"
#include "probe/event_loop.h"
#include "probe/observation.h"

namespace egressproof::probe {

class StageClock {
 public:
  // `expired` is called from the loop when a stage passes its limit.
  StageClock(EventLoop& loop, const StageLimits& limits, std::function<void()> expired);
  ~StageClock();
  StageClock(const StageClock&) = delete;
  StageClock& operator=(const StageClock&) = delete;

  // The stage that ran ended well and `stage` begins. Nothing happens if `stage` runs already or the clock has ended.
  void enter(Stage stage);
  // The stage that runs is the last one.
  void end(Code code);
  [[nodiscard]] Stage current() const { return stages_.empty() ? Stage::resolve : stages_.back().stage; }
  [[nodiscard]] const std::vector<StageResult>& stages() const { return stages_; }

 private:
  void finish_current(Code code);

  EventLoop& loop_;
  StageLimits limits_;
  std::function<void()> expired_;
  EventLoop::Timer timer_;
  EventLoop::Clock::time_point since_;
  std::vector<StageResult> stages_;
  bool ended_ = false;
};

// The limit of one stage; the request has that of the response.
std::chrono::milliseconds limit_of(const StageLimits& limits, Stage stage);

}  // namespace egressproof::probe
