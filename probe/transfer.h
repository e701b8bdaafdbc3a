// One connection of an attempt: libcurl's easy handle makes it (and, for plain HTTP/1.1, speaks over it), an Exchange
// speaks over it where the bytes must be the attempt's own.
#pragma once

#include <curl/curl.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "probe/attempt.h"
#include "probe/curl_multi.h"
#include "probe/engine.h"
#include "probe/event_loop.h"
#include "probe/exchange.h"
#include "probe/inner_tls.h"
#include "probe/observation.h"
#include "probe/stage_clock.h"
#include "probe/ticker.h"
#include "probe/tls_client.h"

namespace egressproof::probe {

class Transfer {
 public:
  // `address`: IP literal to dial, and nothing else is. `on_done` is called once, from the loop, when ended() has
  // become true.
  Transfer(EventLoop& loop, CurlMulti& multi, const Attempt& attempt, std::string address, const EngineOptions& options,
           std::function<void()> on_done);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const Reply& reply() const { return reply_; }
  // Adds the stages and sets all that the connection told. After ended().
  void tell(Observation& seen) const;

 private:
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static CURLcode on_ssl_ctx(CURL* easy, void* ctx, void* self);
  static int on_ready(void* self, char*, char*, int, int);
  static int on_debug(CURL*, curl_infotype type, char*, std::size_t, void* self);
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address);

  void prepare(const EngineOptions& options);
  void prepare_tls(const EngineOptions& options);
  void prepare_http();
  void done(CURLcode code);  // libcurl has ended its part
  void read_reply();
  void exchange();  // sends and receives what is possible
  bool send();      // false: the connection failed
  void receive();
  void expired();
  [[nodiscard]] std::string local_end() const;  // of the socket, if it is still open; else empty
  [[nodiscard]] Code settled(Code code);
  void end(Code code, const std::string& detail);

  EventLoop& loop_;
  CurlMulti& multi_;
  Attempt attempt_;
  std::string address_;
  std::function<void()> on_done_;
  StageClock clock_;
  TlsClient tls_;
  std::unique_ptr<Exchange> exchange_;
  const InnerTls* inner_ = nullptr;  // exchange_, if it is one
  std::unique_ptr<Ticker> ticker_;   // of a long-lived attempt; borrows exchange_
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  char error_[CURL_ERROR_SIZE] = {};
  std::string unsent_;
  int watched_ = -1;  // the socket while exchange_ is at work
  bool opened_ = false;
  int open_error_ = 0;        // errno
  int socket_ = -1;           // libcurl's, which may have closed it
  std::uint64_t cookie_ = 0;  // by which the kernel knows that socket
  std::string local_;         // of a connection that was not made in time
  bool ended_ = false;
  Code code_ = Code::local_error;
  std::string detail_;
  Reply reply_;
};

}  // namespace egressproof::probe
