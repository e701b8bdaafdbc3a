// What a long-lived attempt says over its connection: one request or line after another; see Ticks. Bytes in, bytes
// out; when a tick is due is the Ticker's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "probe/attempt.h"
#include "probe/exchange.h"
#include "probe/response_parser.h"

namespace egressproof::probe {

class TickedExchange : public Exchange {
 public:
  // `attempt.ticks` must be there.
  explicit TickedExchange(const Attempt& attempt);

  // Says the next one. Not while one awaits its answer, nor after the end.
  void tick();
  [[nodiscard]] bool awaiting() const { return awaiting_; }
  // That of the newest answer; 0: it was a line.
  [[nodiscard]] int status() const { return status_; }
  // No more is to be said, and nothing is awaited.
  void finish() { end(Code::ok); }

  void received(std::string_view bytes) override;
  void closed(Closing how, const std::string& why) override;

 private:
  void received_response();
  void received_line();
  void answered(Reply reply, int status);
  [[nodiscard]] std::string after_tick() const;

  Attempt attempt_;
  bool lines_;  // false: requests
  int sent_ = 0;
  bool awaiting_ = false;
  int status_ = 0;
  std::optional<ResponseParser> parser_;
  std::string input_;
};

}  // namespace egressproof::probe
