#include "probe/ticked_exchange.h"

#include <utility>

#include "probe/classify.h"
#include "probe/request.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t longest_answer = 65536;

std::string with_tick(const std::string& path, int number) {
  return path + (path.find('?') == std::string::npos ? "?tick=" : "&tick=") + std::to_string(number);
}

}  // namespace

TickedExchange::TickedExchange(const Attempt& attempt) : attempt_(attempt), lines_(attempt.protocol == Protocol::tcp) {}

void TickedExchange::tick() {
  ++sent_;
  awaiting_ = asked_ = true;
  if (lines_) {
    output_ += "egressproof " + attempt_.nonce + " tick " + std::to_string(sent_) + "\n";
    return;
  }
  Attempt request = attempt_;
  request.path = with_tick(attempt_.path, sent_);
  output_ += http1_head(request);
  parser_.emplace(false);
}

void TickedExchange::received(std::string_view bytes) {
  input_.append(bytes);
  if (!awaiting_)
    end(Code::protocol_error, "bytes came that nothing had asked for, " + after_tick());
  else if (lines_)
    received_line();
  else
    received_response();
}

void TickedExchange::received_line() {
  if (input_.find('\n') == std::string::npos || !find_answer(input_)) {
    if (input_.size() > longest_answer) end(Code::protocol_error, "too many bytes without an answer");
    return;
  }
  Reply reply;
  reply.append(std::exchange(input_, {}));
  answered(std::move(reply), 0);
}

void TickedExchange::received_response() {
  while (!ending_ && awaiting_ && !input_.empty()) {
    boost::beast::error_code error;
    const std::size_t used = parser_->put({input_.data(), input_.size()}, error);
    input_.erase(0, used);
    if (parser_->is_done() && parser_->interim()) {
      parser_.emplace(false);
    } else if (parser_->is_done()) {
      const int status = *parser_->reply.status;
      lines_ = status == switching_protocols;
      answered(std::move(parser_->reply), status);
    } else if (error && error != boost::beast::http::error::need_more) {
      end(Code::protocol_error, error.message());
    } else if (used == 0) {
      return;
    }
  }
}

void TickedExchange::answered(Reply reply, int status) {
  awaiting_ = false;
  status_ = status;
  reply.bytes += reply_.bytes;
  // What the connection was found to be stays: a line tells nothing of it.
  if (!reply.status) {
    reply.status = reply_.status;
    reply.http_version = reply_.http_version;
    reply.server_header = reply_.server_header;
  }
  reply_ = std::move(reply);
}

void TickedExchange::closed(Closing how, const std::string& why) {
  end_closed(how, after_tick() + (why.empty() ? "" : ": " + why));
}

std::string TickedExchange::after_tick() const {
  return (awaiting_ ? "before the answer to tick " : "after the answer to tick ") + std::to_string(sent_);
}

}  // namespace egressproof::probe
