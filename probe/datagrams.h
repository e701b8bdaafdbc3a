// An attempt that makes no connection: datagrams, sent until one is answered. That a datagram may be lost is no
// outcome: several are sent, spread over the limit of the response.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "probe/attempt.h"
#include "probe/datagram_socket.h"
#include "probe/event_loop.h"
#include "probe/observation.h"
#include "probe/stage_clock.h"

namespace egressproof::probe {

class Datagrams {
 public:
  // `on_done` is called once, when ended() has become true; that may be before the constructor returns. All references
  // must outlive this.
  Datagrams(EventLoop& loop, const Attempt& attempt, const std::string& address, std::function<void()> on_done);
  ~Datagrams();
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;

  [[nodiscard]] bool ended() const { return ended_; }
  void tell(Observation& seen) const;  // after ended()

 private:
  void send();
  void receive();
  void end(Code code, const std::string& detail);

  EventLoop& loop_;
  const Attempt& attempt_;
  const std::string address_;
  std::function<void()> on_done_;
  StageClock clock_;
  EventLoop::Timer next_;
  std::unique_ptr<DatagramSocket> socket_;
  int sent_ = 0;
  bool ended_ = false;
  Code code_ = Code::local_error;
  std::string detail_, local_, payload_;
};

}  // namespace egressproof::probe
