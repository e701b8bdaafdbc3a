// A response of HTTP/1 as far as an observation tells of it. Pure.
#pragma once

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

#include <string>

#include "probe/exchange.h"

namespace egressproof::probe {

inline constexpr int switching_protocols = 101;

// Keeps of a response what an observation tells.
class ResponseParser : public boost::beast::http::basic_parser<false> {
 public:
  explicit ResponseParser(bool without_body) {
    eager(true);
    skip(without_body);
    header_limit(64 * 1024);
    body_limit(boost::none);
  }
  Reply reply;
  [[nodiscard]] bool interim() const {
    return *reply.status < first_final_status && *reply.status != switching_protocols;
  }

 private:
  using error_code = boost::beast::error_code;
  using Text = boost::beast::string_view;
  static constexpr int first_status = 100;
  static constexpr int first_final_status = 200;

  void on_request_impl(boost::beast::http::verb, Text, Text, int, error_code&) override {}
  void on_response_impl(int status, Text, int version, error_code& error) override {
    if (status < first_status) error = boost::beast::http::error::bad_status;
    reply.status = status;
    reply.http_version = version == 10 ? "1.0" : "1.1";
  }
  void on_field_impl(boost::beast::http::field name, Text, Text value, error_code&) override {
    if (name == boost::beast::http::field::server) reply.server_header = std::string(value);
    if (name == boost::beast::http::field::location) reply.location = std::string(value);
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

}  // namespace egressproof::probe
