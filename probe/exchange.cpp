#include "probe/exchange.h"

#include <algorithm>
#include <utility>

#include "probe/classify.h"
#include "probe/request.h"
#include "probe/ticked_exchange.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t max_kept = 1 << 20;  // bytes of a body

// Protocol::tcp: the payload, then whatever comes until an answer, the end or the limit.
class RawExchange : public Exchange {
 public:
  explicit RawExchange(const Attempt& attempt) {
    output_ = fill_nonce(attempt.payload, attempt.nonce);
    asked_ = true;
  }
  void received(std::string_view bytes) override {
    reply_.append(bytes);
    if (find_answer(reply_.body)) end(Code::ok);
    if (reply_.body.size() >= max_kept) end(Code::protocol_error, "too many bytes without an answer");
  }
  void closed(Closing how, const std::string& why) override {
    if (how == Closing::end_of_file && reply_.bytes > 0)
      end(Code::ok);
    else
      end_closed(how, why);
  }
};

}  // namespace

void Reply::append(std::string_view part) {
  bytes += part.size();
  body.append(part.substr(0, max_kept - std::min(max_kept, body.size())));
}

std::string Exchange::take_output() {
  fill_output();
  return std::exchange(output_, {});
}

void Exchange::timed_out(const std::string& limit) {
  end(Code::response_timeout, "no complete response within " + limit);
}

void Exchange::end(Code code, const std::string& detail) {
  if (ending_) return;
  if (code != Code::ok && !asked_)
    ending_ = {Code::local_error, "the connection could not be re-used after the earlier request: " + detail};
  else
    ending_ = {code, detail};
}

void Exchange::end_closed(Closing how, const std::string& why) {
  const bool reset = how == Closing::reset;
  const std::string what = reset                    ? "reset before a complete response"
                           : how == Closing::broken ? "broken off before a complete response"
                                                    : "closed before a complete response";
  end(reset ? Code::response_reset : Code::response_closed, why.empty() ? what : what + ": " + why);
}

std::unique_ptr<Exchange> make_raw_exchange(const Attempt& attempt) { return std::make_unique<RawExchange>(attempt); }

std::unique_ptr<Exchange> make_exchange(const Attempt& attempt) {
  if (attempt.ticks) return std::make_unique<TickedExchange>(attempt);
  if (attempt.protocol == Protocol::tcp) return make_raw_exchange(attempt);
  // HTTP/2 is spoken whatever ALPN came to: an HTTP/2 case must not quietly become one of HTTP/1.1.
  if (attempt.protocol == Protocol::http2) return make_http2_exchange(attempt);
  const bool own_bytes = !attempt.fields.empty() || attempt.earlier;
  return attempt.protocol == Protocol::http1 && own_bytes ? make_http1_exchange(attempt) : nullptr;
}

}  // namespace egressproof::probe
