// When the ticks of a long-lived attempt are sent and answered.
#pragma once

#include <functional>
#include <vector>

#include "probe/event_loop.h"
#include "probe/observation.h"
#include "probe/ticked_exchange.h"

namespace egressproof::probe {

// Every open attempt with ticks ends after its next answer, as if its time were up, until allow_ticks(). A signal's
// handler may call it.
void end_ticks();
void allow_ticks();

class Ticker {
 public:
  // `said` is called from the loop whenever the exchange has something new to say or has ended. References must outlive
  // this. `attempt.ticks` must be there.
  Ticker(EventLoop& loop, const Attempt& attempt, TickedExchange& exchange, std::function<void()> said);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  // The first tick, at once.
  void start();
  // To be called after anything was received.
  void look();
  void stop();
  [[nodiscard]] const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  void send();
  void due();

  EventLoop& loop_;
  Ticks pace_;
  std::chrono::milliseconds limit_;  // of an answer
  TickedExchange& exchange_;
  std::function<void()> said_;
  EventLoop::Timer timer_;
  EventLoop::Clock::time_point began_, sent_;
  std::vector<Tick> ticks_;
};

}  // namespace egressproof::probe
