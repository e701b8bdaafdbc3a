#include <deque>

#include "probe/exchange.h"
#include "probe/request.h"
#include "probe/response_parser.h"

namespace egressproof::probe {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

class Http1Exchange : public Exchange {
 public:
  explicit Http1Exchange(const Attempt& attempt) {
    if (attempt.earlier) requests_.push_back({http1_head(earlier_attempt(attempt)), false});
    requests_.push_back({http1_head(attempt), attempt.method == "HEAD"});
    ask();
  }

  void received(std::string_view bytes) override {
    input_.append(bytes);
    while (!ending_ && !input_.empty()) {
      error_code error;
      const std::size_t used = parser_->put({input_.data(), input_.size()}, error);
      input_.erase(0, used);
      if (parser_->is_done()) {
        complete();
      } else if (error && error != http::error::need_more) {
        keep();
        end(Code::protocol_error, error.message());
      } else if (used == 0) {
        return;
      }
    }
  }

  void closed(Closing how, const std::string& why) override {
    error_code error;
    if (how == Closing::end_of_file && parser_->got_some()) parser_->put_eof(error);
    keep();
    if (how == Closing::end_of_file && parser_->is_done()) complete();
    if (!ending_) end_closed(how, why);
  }

 private:
  struct Request {
    std::string head;
    bool without_body = false;
  };

  void ask() {
    output_ += requests_.front().head;
    parser_.emplace(requests_.front().without_body);
    requests_.pop_front();
    asked_ = requests_.empty();
  }

  void keep() {
    if (asked_) reply_ = parser_->reply;
  }

  void complete() {
    if (parser_->interim()) {
      parser_.emplace(parser_->skip());
      return;
    }
    keep();
    if (asked_)
      end(Code::ok);
    else if (!parser_->keep_alive() || parser_->need_eof())
      end(Code::local_error, "the peer closes after its response");
    else
      ask();
  }

  std::deque<Request> requests_;
  std::optional<ResponseParser> parser_;
  std::string input_;
};

}  // namespace

std::unique_ptr<Exchange> make_http1_exchange(const Attempt& attempt) {
  return std::make_unique<Http1Exchange>(attempt);
}

}  // namespace egressproof::probe
