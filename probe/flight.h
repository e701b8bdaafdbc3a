// One attempt on its way, over all its hops, until it is an observation.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "probe/curl_multi.h"
#include "probe/datagrams.h"
#include "probe/engine.h"
#include "probe/event_loop.h"
#include "probe/resolver.h"
#include "probe/transfer.h"

namespace egressproof::probe {

class Flight {
 public:
  // `on_ready` asks for step() as soon as the loop has no callback running. All references must outlive this.
  Flight(EventLoop& loop, CurlMulti& multi, const EngineOptions& options, const Attempt& attempt,
         std::function<void()> on_ready);

  // Goes on to the next stage. True: the attempt has ended, and observation() is complete.
  bool step();
  [[nodiscard]] const Observation& observation() const { return seen_; }

 private:
  void begin_hop();
  void dial(const std::string& address);
  bool resolved();
  bool transferred();
  bool sent();
  bool end();

  EventLoop& loop_;
  CurlMulti& multi_;
  const EngineOptions& options_;
  Attempt hop_;  // the attempt itself, then what each redirect makes of it
  std::function<void()> on_ready_;
  std::unique_ptr<Resolution> resolution_;
  std::unique_ptr<Transfer> transfer_;
  std::unique_ptr<Datagrams> datagrams_;
  std::vector<StageResult> resolve_stages_;
  Observation seen_;
};

// An observation of an attempt that could not be tried.
Observation untried(const Attempt& attempt, Code code, const std::string& why);

}  // namespace egressproof::probe
