// One HTTP/1.1 connection of the agent, from the server's side. Blocking, with a limit on everything.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "probe/admission.h"

namespace egressproof::probe {

struct HttpLimits {
  std::chrono::milliseconds between_requests{600000};  // an open connection without a request
  std::chrono::milliseconds head{10000};               // from a request's first byte to the end of its head
  std::chrono::milliseconds body_idle{10000};          // without a byte of the body
  std::chrono::milliseconds body{60000};               // all of it
  std::chrono::milliseconds write_idle{15000};         // without the client taking a byte
  std::size_t head_bytes = 16 * 1024;
  std::size_t body_bytes = 8 * 1024 * 1024;
};

struct HttpRequest {
  std::string method, target;
  std::string signature;  // signature_field's value; empty: it is not there, or more than once
  bool upgrade = false;   // it asks for another protocol
};

// After a Refusal of head() or body() the connection must be ended: where the next request begins is not known.
class HttpServerConnection {
 public:
  // `socket` is connected and stays the caller's. SIGPIPE must be ignored.
  HttpServerConnection(int socket, const HttpLimits& limits);
  ~HttpServerConnection();
  HttpServerConnection(const HttpServerConnection&) = delete;
  HttpServerConnection& operator=(const HttpServerConnection&) = delete;

  // The next request's head. Refusal: 400, 408, 431, 505; 0: there is none.
  tl::expected<HttpRequest, Refusal> head();
  // Its body. Refusal: 400, 408, 413; 0: the client is gone.
  tl::expected<std::string, Refusal> body();
  [[nodiscard]] bool body_complete() const;  // nothing of the request is left to be read
  [[nodiscard]] bool keep_alive() const;     // as the request asks for

  // Each false: the client is gone. `fields`: more header lines, each with its CRLF.
  bool reply(int status, std::string_view content_type, std::string_view body, bool keep_alive,
             std::string_view fields = {});
  bool begin_stream(std::string_view content_type, bool keep_alive);
  // Never waits for the client: what it does not take yet is kept.
  bool stream(std::string_view bytes);
  bool end_stream();  // waits until everything was taken
  // So that a client that is still sending gets the reply, and no reset before it.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace egressproof::probe
