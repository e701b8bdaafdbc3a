// One attempt on its way through libcurl: the easy handle, what it is told, and what it saw.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <string>

#include "probe/attempt.h"
#include "probe/observation.h"

namespace egressproof::probe {

class Transfer {
 public:
  // `ca_file`: PEM of the fixtures' CA; empty: certificates are not verified. `address`: IP literal to dial.
  Transfer(const Attempt& attempt, const std::string& address, const std::string& ca_file);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  [[nodiscard]] CURL* easy() const { return easy_; }
  // Whether the handle only connects (tls, tcp): the loop goes on with exchange_raw() then.
  [[nodiscard]] bool connect_only() const;
  // The stage that is running, and since when its limit counts.
  [[nodiscard]] Stage stage() const;
  [[nodiscard]] std::chrono::milliseconds stage_age() const;

  // tcp after the connection is made: sends and receives what is possible. True: the attempt has ended, with code().
  bool exchange_raw();
  [[nodiscard]] int socket() const;

  // The transfer ended in libcurl.
  void finished(CURLcode code);
  void timed_out();
  [[nodiscard]] Observation observe() const;

 private:
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static CURLcode on_ssl_ctx(CURL* easy, void* ctx, void* self);
  static void on_ssl_info(const void* ssl, int where, int);
  void prepare(const std::string& address, const std::string& ca_file);
  [[nodiscard]] std::string filled(const std::string& text) const;  // "{nonce}" replaced

  Attempt attempt_;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  char error_[CURL_ERROR_SIZE] = {};
  std::string alpn_wire_, sni_, ech_;
  std::string body_, unsent_;
  std::chrono::steady_clock::time_point begun_, connected_;
  bool raw_ = false;  // the connection is made and exchange_raw() is at work
  std::chrono::microseconds started_at_{0}, finished_at_{0};
  Code code_ = Code::local_error;
  Stage reached_ = Stage::connect;
  std::string alpn_, tls_version_, certificate_;
};

}  // namespace egressproof::probe
