// HTTP/1 on one connection: each head is a receipt, each request is answered by the fixture's line.
#pragma once

#include <optional>
#include <string>

#include "target/http_body.h"
#include "target/http_head.h"
#include "target/recorder.h"
#include "target/stream.h"

namespace egressproof::target {

class Http1 {
 public:
  Http1(Stream& stream, Recorder& recorder) : stream_(stream), recorder_(recorder) {}

  // Takes all requests off the front of the input, answering them. False: the connection is over.
  bool take(std::string& input);
  // Whether the next bytes belong to the body of a request that is not answered yet.
  [[nodiscard]] bool in_body() const { return unanswered_.has_value(); }

 private:
  struct Unanswered {
    HttpHead head;
    HttpBody body;
    HttpReply reply;
  };
  bool take_head(const HttpHead& head);
  bool switch_protocols(const HttpHead& head);
  bool finish_request(std::string& input);
  std::optional<HttpReply> record(const HttpHead& head);
  bool send(const HttpReply& reply, bool keep_alive, bool with_body);
  void refuse_enormous(const std::string& input);

  Stream& stream_;
  Recorder& recorder_;
  std::optional<Unanswered> unanswered_;
};

}  // namespace egressproof::target
