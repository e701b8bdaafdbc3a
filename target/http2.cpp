#include "target/http2.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>

#include "target/http_head.h"

namespace egressproof::target {
namespace {

constexpr std::string_view preface{NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN};

// One request as it comes in, field by field.
struct Request {
  std::string authority, host, method, path, nonce;
  bool has_authority = false, has_host = false, recorded = false, answered = false;
  std::optional<HttpReply> reply;  // once the receipt is written
  std::size_t sent = 0;            // bytes of the reply's body
};

// A repeated field is told as HTTP joins it: by ", ".
void join(std::string& all, std::string_view value) {
  if (!all.empty()) all.append(", ");
  all.append(value);
}

class Http2 {
 public:
  Http2(Stream& stream, Recorder& recorder) : stream_(stream), recorder_(recorder) {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) return;
    const std::unique_ptr<nghttp2_session_callbacks, decltype(&nghttp2_session_callbacks_del)> callbacks(
        made, nghttp2_session_callbacks_del);
    if (nghttp2_option_new(&option) != 0) return;
    const std::unique_ptr<nghttp2_option, decltype(&nghttp2_option_del)> options(option, nghttp2_option_del);
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(made, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
    nghttp2_session* session = nullptr;
    if (nghttp2_session_server_new2(&session, made, this, option) == 0) session_.reset(session);
  }

  void run(std::string input) {
    if (!session_ || nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, nullptr, 0) != 0) return;
    const std::string first = input;
    const bool spoken = exchange(std::move(input));
    for (auto& [id, request] : requests_) record_unfinished(request);
    if (!valid_ && !muted_ && !any_recorded_)
      static_cast<void>(recorder_.write(recorder_.payload_receipt(first, first)));
    if (!spoken) return;
    stream_.finish();
  }

 private:
  // True: the session ended in order, by either side.
  bool exchange(std::string input) {
    for (;;) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(input.data());
      const bool understood = nghttp2_session_mem_recv(session_.get(), bytes, input.size()) >= 0;
      valid_ = valid_ && understood;
      if (muted_ || !flush()) return false;
      if (!understood) return true;
      if (nghttp2_session_want_read(session_.get()) == 0 && nghttp2_session_want_write(session_.get()) == 0)
        return true;
      input.clear();
      if (!stream_.read(input)) return false;
    }
  }

  // In one piece: frames written one by one would wait for each other's acknowledgements.
  bool flush() {
    std::string all;
    for (;;) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
      if (size < 0) return false;
      if (size == 0) return stream_.write(all);
      all.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
  }

  Receipt receipt_of(const Request& request) const {
    Receipt made = recorder_.receipt(ReceiptKind::request);
    const std::string nonce = request.nonce.empty() ? find_target_nonce(request.path) : request.nonce;
    if (!nonce.empty()) made.nonce = nonce;
    made.http_version = std::string("2");  // a literal trips a false warning of GCC 12 (its bug 105651)
    made.host = request.has_authority ? request.authority : request.host;
    if (request.has_authority && request.has_host) made.host_header = request.host;
    made.method = request.method;
    made.path = request.path;
    return made;
  }

  // A head that broke off has arrived nevertheless.
  void record_unfinished(Request& request) {
    if (request.recorded || muted_) return;
    request.recorded = any_recorded_ = true;
    muted_ = !recorder_.write(receipt_of(request));
  }

  int record(Request& request) {
    request.recorded = any_recorded_ = true;
    request.reply = recorder_.answer_request(receipt_of(request));
    muted_ = !request.reply;
    return muted_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  int answer(std::int32_t id, Request& request) {
    const HttpReply& reply = *request.reply;
    const std::string status = std::to_string(reply.status);
    const std::string length = std::to_string(reply.body.size());
    const auto field = [](std::string_view name, std::string_view value) {
      const auto bytes = [](std::string_view text) {  // nghttp2 copies it and does not write to it
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
      };
      return nghttp2_nv{bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    const std::array fields{field(":status", status), field("server", "egressproof-target"),
                            field("content-type", "text/plain"), field("content-length", length),
                            field("location", reply.location)};
    nghttp2_data_provider body{};
    body.source.ptr = &request;
    body.read_callback = read_body;
    const bool empty = request.method == "HEAD";
    return nghttp2_submit_response(session_.get(), id, fields.data(), fields.size() - (reply.location.empty() ? 1 : 0),
                                   empty ? nullptr : &body) == 0
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static bool is_request(const nghttp2_frame* frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (is_request(frame)) static_cast<Http2*>(self)->requests_[frame->hd.stream_id];
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
    if (!is_request(frame)) return 0;
    Request& request = static_cast<Http2*>(self)->requests_[frame->hd.stream_id];
    const std::string_view key(reinterpret_cast<const char*>(name), name_size);
    const std::string_view text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":method") join(request.method, text);
    if (key == ":path") join(request.path, text);
    if (key == "egressproof-nonce") request.nonce = find_nonce(text);
    if (key == ":authority") {
      request.has_authority = true;
      join(request.authority, text);
    }
    if (key == "host") {
      request.has_host = true;
      join(request.host, text);
    }
    return 0;
  }

  // The receipt is written when the head is there, the answer given when the request ends: some clients do not go on
  // with their body once they are answered. CONNECT has no end before its answer.
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    auto* self = static_cast<Http2*>(data);
    const auto found = self->requests_.find(frame->hd.stream_id);
    if (found == self->requests_.end()) return 0;
    Request& request = found->second;
    if (is_request(frame) && self->record(request) != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;
    const bool has_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    const bool tunnel = is_request(frame) && request.method == "CONNECT";
    const bool ended = has_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!request.reply || request.answered || !(ended || tunnel)) return 0;
    request.answered = true;
    return self->answer(found->first, request);
  }

  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* self) {
    static_cast<Http2*>(self)->valid_ = false;
    return 0;
  }

  // Some errors of the connection show only in the GOAWAY that nghttp2 sends for them.
  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
      static_cast<Http2*>(self)->valid_ = false;
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* data) {
    auto* self = static_cast<Http2*>(data);
    const auto found = self->requests_.find(id);
    if (found == self->requests_.end()) return 0;
    self->record_unfinished(found->second);
    self->requests_.erase(found);
    return self->muted_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t size, std::uint32_t* flags,
                           nghttp2_data_source* source, void*) {
    auto* request = static_cast<Request*>(source->ptr);
    const std::string& body = request->reply->body;
    const std::size_t now = std::min(size, body.size() - request->sent);
    std::copy_n(body.data() + request->sent, now, buffer);
    request->sent += now;
    if (request->sent == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(now);
  }

  struct FreeSession {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  Stream& stream_;
  Recorder& recorder_;
  std::map<std::int32_t, Request> requests_;  // by stream; its nodes stay where they are while nghttp2 points to them
  bool valid_ = true;                         // false: the peer broke the protocol somewhere
  bool muted_ = false;                        // a receipt could not be written
  bool any_recorded_ = false;
  std::unique_ptr<nghttp2_session, FreeSession> session_;
};

}  // namespace

Preface http2_preface(std::string_view bytes) {
  const std::size_t known = std::min(bytes.size(), preface.size());
  if (bytes.substr(0, known) != preface.substr(0, known)) return Preface::no;
  return known == preface.size() ? Preface::yes : Preface::maybe;
}

void serve_http2(Stream& stream, Recorder& recorder, std::string input) {
  Http2(stream, recorder).run(std::move(input));
}

}  // namespace egressproof::target
