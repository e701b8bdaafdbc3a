#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // false, with sanitizers: boost::optional in basic_parser
#endif
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <deque>

#include "probe/exchange.h"
#include "probe/request.h"

namespace egressproof::probe {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using Text = boost::beast::string_view;

constexpr std::uint32_t max_header = 64 * 1024;
constexpr int first_status = 100;
constexpr int first_final_status = 200;
constexpr int switching_protocols = 101;

// Keeps of a response what an observation tells.
class ResponseParser : public http::basic_parser<false> {
 public:
  explicit ResponseParser(bool without_body) {
    eager(true);
    skip(without_body);
    header_limit(max_header);
    body_limit(boost::none);
  }
  Reply reply;
  [[nodiscard]] bool interim() const {
    return *reply.status < first_final_status && *reply.status != switching_protocols;
  }

 private:
  void on_request_impl(http::verb, Text, Text, int, error_code&) override {}
  void on_response_impl(int status, Text, int version, error_code& error) override {
    if (status < first_status) error = http::error::bad_status;
    reply.status = status;
    reply.http_version = version == 10 ? "1.0" : "1.1";
  }
  void on_field_impl(http::field name, Text, Text value, error_code&) override {
    if (name == http::field::server) reply.server_header = std::string(value);
    if (name == http::field::location) reply.location = std::string(value);
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(Text body, error_code&) override {
    reply.append({body.data(), body.size()});
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, error_code&) override {
    reply.append({body.data(), body.size()});
    return body.size();
  }
  void on_finish_impl(error_code&) override {}
};

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
