#include "probe/agent_http.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <optional>

namespace egressproof::probe {
namespace {

namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds drain_time{500};

// False: not within the limit.
bool wait_for(int socket, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd entry{socket, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

Refusal gone() { return {0, "gone", "the client is gone"}; }

Refusal refusal_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit) return {431, "head_too_large", "the header block is too large"};
  if (error == http::error::body_limit) return {413, "too_large", "the body is too large"};
  if (error == http::error::bad_version) return {505, "version", "only HTTP/1.1 is spoken here"};
  return {400, "malformed", error.message()};
}

std::string status_line(int status) {
  return "HTTP/1.1 " + std::to_string(status) + " " +
         std::string(http::obsolete_reason(static_cast<http::status>(status))) + "\r\n";
}

std::string chunk_of(std::string_view bytes) {
  std::array<char, 24> size{};
  const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return std::string(size.data(), static_cast<std::size_t>(digits)).append(bytes).append("\r\n");
}

}  // namespace

struct HttpServerConnection::Impl {
  int socket;
  HttpLimits limits;
  std::string input;   // not yet parsed
  std::string output;  // not yet taken by the client
  std::optional<http::request_parser<http::string_body>> parser;
  bool client_gone = false;

  // More input; false: the end, an error, or nothing by then.
  bool fill(Clock::time_point deadline, bool& late) {
    late = !wait_for(socket, POLLIN, deadline);
    if (late) return false;
    std::array<char, 65536> bytes;
    const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return false;
    input.append(bytes.data(), static_cast<std::size_t>(got));
    return true;
  }

  // Parses what is there; the bytes used are taken off.
  boost::system::error_code parse() {
    boost::system::error_code error;
    const std::size_t used = parser->put(boost::asio::buffer(input), error);
    input.erase(0, used);
    if (error == http::error::need_more) error = {};
    return error;
  }

  // Sends without waiting; false: the client is gone.
  bool send_some() {
    while (!output.empty() && !client_gone) {
      const ssize_t sent = ::send(socket, output.data(), output.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0)
        output.erase(0, static_cast<std::size_t>(sent));
      else if (errno == EAGAIN || errno == EWOULDBLOCK)
        break;
      else if (errno != EINTR)
        client_gone = true;
    }
    return !client_gone;
  }

  bool send_all() {
    while (send_some() && !output.empty())
      if (!wait_for(socket, POLLOUT, Clock::now() + limits.write_idle)) client_gone = true;
    return !client_gone;
  }
};

HttpServerConnection::HttpServerConnection(int socket, const HttpLimits& limits)
    : impl_(new Impl{socket, limits, {}, {}, std::nullopt}) {}
HttpServerConnection::~HttpServerConnection() = default;

tl::expected<HttpRequest, Refusal> HttpServerConnection::head() {
  auto& parser = impl_->parser;
  parser.emplace();
  parser->header_limit(static_cast<std::uint32_t>(impl_->limits.head_bytes));
  parser->body_limit(impl_->limits.body_bytes);
  auto deadline = Clock::now() + impl_->limits.between_requests;
  bool begun = false;
  while (!parser->is_header_done()) {
    if (!impl_->input.empty()) {
      if (!begun) deadline = Clock::now() + impl_->limits.head;
      begun = true;
      if (const auto error = impl_->parse()) return tl::unexpected(refusal_of(error));
      if (parser->is_header_done()) break;
    }
    bool late = false;
    if (!impl_->fill(deadline, late)) {
      if (begun && late) return tl::unexpected(Refusal{408, "slow", "the head did not come in time"});
      return tl::unexpected(gone());
    }
  }
  const auto& message = parser->get();
  if (message.version() != 11) return tl::unexpected(Refusal{505, "version", "only HTTP/1.1 is spoken here"});
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.upgrade = message.find(http::field::upgrade) != message.end();
  if (message.count(signature_field) == 1) request.signature = std::string(message[signature_field]);
  return request;
}

tl::expected<std::string, Refusal> HttpServerConnection::body() {
  auto& parser = impl_->parser;
  if (!parser->is_done() && parser->get()[http::field::expect] == "100-continue") {
    impl_->output += "HTTP/1.1 100 Continue\r\n\r\n";
    if (!impl_->send_all()) return tl::unexpected(gone());
  }
  const auto end = Clock::now() + impl_->limits.body;
  while (!parser->is_done()) {
    if (!impl_->input.empty()) {
      const std::size_t before = impl_->input.size();
      if (const auto error = impl_->parse()) return tl::unexpected(refusal_of(error));
      if (parser->is_done() || impl_->input.size() != before) continue;
    }
    bool late = false;
    if (!impl_->fill(std::min(end, Clock::now() + impl_->limits.body_idle), late))
      return tl::unexpected(late ? Refusal{408, "slow", "the body did not come in time"} : gone());
  }
  return std::move(parser->get().body());
}

bool HttpServerConnection::body_complete() const { return impl_->parser && impl_->parser->is_done(); }

bool HttpServerConnection::keep_alive() const { return impl_->parser && impl_->parser->keep_alive(); }

bool HttpServerConnection::reply(int status, std::string_view content_type, std::string_view body, bool keep_alive,
                                 std::string_view fields) {
  impl_->output.append(status_line(status)).append("Content-Type: ").append(content_type).append("\r\n");
  impl_->output.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n").append(fields);
  impl_->output.append(keep_alive ? "\r\n" : "Connection: close\r\n\r\n").append(body);
  return impl_->send_all();
}

bool HttpServerConnection::begin_stream(std::string_view content_type, bool keep_alive) {
  impl_->output.append(status_line(200)).append("Content-Type: ").append(content_type).append("\r\n");
  impl_->output.append("Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\n");
  impl_->output.append(keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
  return impl_->send_some();
}

bool HttpServerConnection::stream(std::string_view bytes) {
  if (bytes.empty()) return !impl_->client_gone;  // an empty chunk would be the last one
  impl_->output += chunk_of(bytes);
  return impl_->send_some();
}

bool HttpServerConnection::end_stream() {
  impl_->output += "0\r\n\r\n";
  return impl_->send_all();
}

void HttpServerConnection::finish() {
  ::shutdown(impl_->socket, SHUT_WR);
  const auto deadline = Clock::now() + drain_time;
  std::array<char, 65536> unread;
  while (wait_for(impl_->socket, POLLIN, deadline) &&
         ::recv(impl_->socket, unread.data(), unread.size(), MSG_DONTWAIT) > 0) {
  }
}

}  // namespace egressproof::probe
