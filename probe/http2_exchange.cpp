#include <nghttp2/nghttp2.h>

#include <charconv>
#include <deque>
#include <vector>

#include "probe/exchange.h"
#include "probe/request.h"

namespace egressproof::probe {
namespace {

// Names and values go out byte for byte: without copies nghttp2 does not lower-case them.
std::vector<nghttp2_nv> wire_of(const Fields& block) {
  std::vector<nghttp2_nv> wire;
  for (const auto& [name, value] : block) {
    auto* name_bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    auto* value_bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    wire.push_back({name_bytes, value_bytes, name.size(), value.size(),
                    NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE});
  }
  return wire;
}

class Http2Exchange : public Exchange {
 public:
  explicit Http2Exchange(const Attempt& attempt) {
    if (attempt.earlier) blocks_.push_back(http2_block(earlier_attempt(attempt)));
    blocks_.push_back(http2_block(attempt));
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    const std::unique_ptr<nghttp2_session_callbacks, void (*)(nghttp2_session_callbacks*)> callbacks(
        made, nghttp2_session_callbacks_del);
    nghttp2_session_callbacks_set_on_header_callback(made, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(made, on_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
    nghttp2_session_client_new(&session_, made, this);
    const nghttp2_settings_entry no_push{NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &no_push, 1);
    ask();
  }
  ~Http2Exchange() override { nghttp2_session_del(session_); }
  Http2Exchange(const Http2Exchange&) = delete;
  Http2Exchange& operator=(const Http2Exchange&) = delete;

  void received(std::string_view bytes) override {
    const auto used =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (used < 0) end(Code::protocol_error, nghttp2_strerror(static_cast<int>(used)));
    if (ending_) return;
    if (earlier_done_) ask_again();
    fill_output();  // at once, since only this shows that the library has given up
  }

  void closed(Closing how, const std::string& why) override { end_closed(how, why); }

 private:
  static Http2Exchange& of(void* self) { return *static_cast<Http2Exchange*>(self); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
    of(self).header(frame->hd.stream_id, {reinterpret_cast<const char*>(name), name_size},
                    {reinterpret_cast<const char*>(value), value_size});
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data, std::size_t size,
                     void* self) {
    if (of(self).is_own(stream)) of(self).reply_.append({reinterpret_cast<const char*>(data), size});
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    of(self).frame(*frame);
    return 0;
  }
  static int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* self) {
    if (frame->hd.type == NGHTTP2_HEADERS)
      of(self).end(Code::local_error, std::string("the request was not sent: ") + nghttp2_strerror(error));
    return 0;
  }
  static int on_stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
    of(self).stream_closed(stream, error);
    return 0;
  }

  [[nodiscard]] bool is_own(std::int32_t stream) const { return asked_ && stream == stream_; }

  void header(std::int32_t stream, std::string_view name, std::string_view value) {
    if (!is_own(stream)) return;
    if (name == ":status") {
      int status = 0;
      std::from_chars(value.data(), value.data() + value.size(), status);
      reply_ = {};  // an interim response came before
      reply_.status = status;
      reply_.http_version = "2";
    }
    if (name == "server") reply_.server_header = value;
    if (name == "location") reply_.location = value;
  }

  void frame(const nghttp2_frame& frame) {
    if (frame.hd.type == NGHTTP2_GOAWAY) goaway(frame.goaway);
    if (frame.hd.stream_id != stream_) return;
    if (frame.hd.type == NGHTTP2_RST_STREAM) reset_by_peer_ = true;
    if ((frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA) &&
        (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      complete_ = true;
  }

  void goaway(const nghttp2_goaway& frame) {
    if (asked_ && frame.last_stream_id >= stream_ && frame.error_code == NGHTTP2_NO_ERROR) return;  // ours is served
    end(frame.error_code == NGHTTP2_NO_ERROR ? Code::response_closed : Code::response_reset,
        std::string("GOAWAY ") + nghttp2_http2_strerror(frame.error_code));
  }

  // This side resets a stream, too: for a response that breaks the protocol.
  void stream_closed(std::int32_t stream, std::uint32_t error) {
    if (stream != stream_) return;
    if (!complete_ || error != NGHTTP2_NO_ERROR)
      end(reset_by_peer_ ? Code::response_reset : Code::protocol_error,
          std::string("stream reset: ") + nghttp2_http2_strerror(error));
    else if (asked_)
      end(Code::ok);
    else
      earlier_done_ = true;
  }

  void ask() {
    current_ = std::move(blocks_.front());
    blocks_.pop_front();
    const std::vector<nghttp2_nv> wire = wire_of(current_);
    stream_ = nghttp2_submit_request(session_, nullptr, wire.data(), wire.size(), nullptr, nullptr);
    asked_ = blocks_.empty();
    if (stream_ < 0) end(Code::local_error, std::string("the request was not sent: ") + nghttp2_strerror(stream_));
  }

  void ask_again() {
    earlier_done_ = complete_ = false;
    if (nghttp2_session_check_request_allowed(session_) == 0)
      end(Code::local_error, "the peer takes no further request");
    else
      ask();
  }

  void fill_output() override {
    const std::uint8_t* data = nullptr;
    for (;;) {
      const auto size = nghttp2_session_mem_send(session_, &data);
      if (size < 0) end(Code::local_error, nghttp2_strerror(static_cast<int>(size)));
      if (size <= 0) break;
      output_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
    // The library answers a breach of the protocol by GOAWAY and then wants nothing any more.
    if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0)
      end(Code::protocol_error, "the peer's bytes are not HTTP/2");
  }

  nghttp2_session* session_ = nullptr;
  std::deque<Fields> blocks_;  // not asked yet
  Fields current_;             // borrowed by nghttp2 until it is sent
  std::int32_t stream_ = 0;
  bool earlier_done_ = false;
  bool complete_ = false;       // END_STREAM came on the current stream
  bool reset_by_peer_ = false;  // ... or RST_STREAM
};

}  // namespace

std::unique_ptr<Exchange> make_http2_exchange(const Attempt& attempt) {
  return std::make_unique<Http2Exchange>(attempt);
}

}  // namespace egressproof::probe
