#include "target/http1.h"

namespace egressproof::target {
namespace {

constexpr std::size_t max_head = 64 * 1024;

const char* reason_of(int status) {
  if (status == 302) return "Found";
  return status == 431 ? "Request Header Fields Too Large" : "OK";
}

}  // namespace

std::optional<HttpReply> Http1::record(const HttpHead& head) {
  Receipt made = recorder_.receipt(ReceiptKind::request);
  if (!head.nonce.empty()) made.nonce = head.nonce;
  made.http_version = head.version;
  made.host = head.host;
  made.method = head.method;
  made.path = head.target;
  return recorder_.answer_request(made);
}

bool Http1::send(const HttpReply& reply, bool keep_alive, bool with_body) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " " + reason_of(reply.status) +
                     "\r\nserver: egressproof-target\r\ncontent-type: text/plain\r\nconnection: ";
  text += keep_alive ? "keep-alive" : "close";
  if (!reply.location.empty()) text += "\r\nlocation: " + reply.location;
  text += "\r\ncontent-length: " + std::to_string(reply.body.size()) + "\r\n\r\n";
  if (with_body) text += reply.body;
  return stream_.write(text);
}

bool Http1::take_head(const HttpHead& head) {
  auto reply = record(head);
  if (!reply) return false;
  if (wants_upgrade(head)) return switch_protocols(head);
  unanswered_ = Unanswered{head, HttpBody(head), std::move(*reply)};
  return !head.expects_continue || stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
}

// What follows is no HTTP/1 any more, and is answered as other bytes are.
bool Http1::switch_protocols(const HttpHead& head) {
  return stream_.write(
      "HTTP/1.1 101 Switching Protocols\r\nserver: egressproof-target\r\nconnection: Upgrade\r\nupgrade: " +
      head.upgrade + "\r\n\r\n");
}

// True: the request is answered and the connection goes on, or its body is still on its way.
bool Http1::finish_request(std::string& input) {
  const auto progress = unanswered_->body.skip(input);
  if (progress == HttpBody::Progress::more) return true;
  const bool keep_alive = unanswered_->head.keep_alive && progress == HttpBody::Progress::done;
  const bool sent = send(unanswered_->reply, keep_alive, unanswered_->head.method != "HEAD");
  unanswered_.reset();
  if (sent && !keep_alive) stream_.finish();
  return sent && keep_alive;
}

// What came of the head is told all the same: a request that is too large has arrived nevertheless.
void Http1::refuse_enormous(const std::string& input) {
  const auto head = read_http_head(input + "\r\n\r\n");
  auto reply = head ? record(*head) : std::nullopt;
  if (!reply) return;
  reply->status = 431;
  reply->location.clear();
  if (send(*reply, false, true)) stream_.finish();
}

bool Http1::take(std::string& input) {
  for (;;) {
    if (unanswered_) {
      if (!finish_request(input)) return false;
      if (unanswered_) return true;
      input.erase(0, input.find_first_not_of("\r\n"));  // stray line ends after a body (RFC 9112, 2.2)
    }
    if (!looks_like_http(input)) return true;
    const auto head = read_http_head(input);
    if (!head && input.size() <= max_head) return true;
    if (!head) {
      refuse_enormous(input);
      return false;
    }
    input.erase(0, head->size);
    if (!take_head(*head)) return false;
  }
}

}  // namespace egressproof::target
