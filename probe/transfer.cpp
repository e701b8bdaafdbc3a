#include "probe/transfer.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "probe/classify.h"

namespace egressproof::probe {
namespace {

constexpr std::size_t receive_size = 16384;
constexpr std::size_t excerpt_size = 512;

std::string limit_text(std::chrono::milliseconds limit) { return std::to_string(limit.count()) + " ms"; }

std::string endpoint(const std::string& address, long port) {
  return (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + std::to_string(port);
}

bool is_reset(CURL* easy, const char* text) {
  long os_error = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
  return os_error == ECONNRESET || os_error == EPIPE || std::strstr(text, "reset by peer") != nullptr;
}

// Each tick has the limit of a response for itself; that of the stage is for what hangs all the same.
StageLimits stage_limits(const Attempt& attempt) {
  StageLimits limits = attempt.limits;
  if (attempt.ticks) limits.response += attempt.ticks->lasting + limits.response;
  return limits;
}

std::string header_of(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : "";
}

}  // namespace

Transfer::Transfer(EventLoop& loop, CurlMulti& multi, const Attempt& attempt, std::string address,
                   const EngineOptions& options, std::function<void()> on_done)
    : loop_(loop),
      multi_(multi),
      attempt_(attempt),
      address_(std::move(address)),
      on_done_(std::move(on_done)),
      clock_(loop, stage_limits(attempt), [this] { expired(); }),
      tls_(attempt.outer ? outer_handshake(attempt) : attempt, [this] { clock_.enter(Stage::tls); }),
      exchange_(attempt.outer ? std::make_unique<InnerTls>(attempt, options.ca_file) : make_exchange(attempt)),
      easy_(curl_easy_init()) {
  if (auto* ticked = dynamic_cast<TickedExchange*>(exchange_.get()))
    ticker_ = std::make_unique<Ticker>(loop_, attempt_, *ticked, [this] { exchange(); });
  inner_ = dynamic_cast<const InnerTls*>(exchange_.get());
  prepare(options);
  clock_.enter(Stage::connect);
  multi_.add(easy_, [this](CURLcode code) { done(code); });
}

Transfer::~Transfer() {
  if (watched_ >= 0) loop_.unwatch(watched_);
  multi_.remove(easy_);
  curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
}

void Transfer::done(CURLcode code) {
  if (ended_) return;
  if (code == CURLE_OK && exchange_) {
    curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &watched_);
    if (ticker_) ticker_->start();
    exchange();
    return;
  }
  read_reply();
  long os_error = open_error_;
  if (os_error == 0) curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
  end(classify({code, os_error, error_, clock_.current()}), error_);
}

// The stage and the code must not contradict each other: an answer may end a request before it is wholly sent.
Code Transfer::settled(Code code) {
  if (clock_.current() != Stage::request) return code;
  if (code == Code::response_reset) return Code::request_reset;
  if (code == Code::ok || code == Code::response_closed || code == Code::protocol_error) clock_.enter(Stage::response);
  return code;
}

void Transfer::read_reply() {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (status <= 0) return;
  reply_.status = static_cast<int>(status);
  long version = 0;
  curl_easy_getinfo(easy_, CURLINFO_HTTP_VERSION, &version);
  reply_.http_version = version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1";
  reply_.server_header = header_of(easy_, "server");
  reply_.location = header_of(easy_, "location");
}

void Transfer::exchange() {
  if (ended_) return;
  if (send()) receive();
  if (ticker_) ticker_->look();
  // What was received may have made something to send.
  if (!ended_ && !exchange_->ending()) send();
  if (const auto& ending = exchange_->ending()) {
    end(ending->code, ending->detail);
    return;
  }
  if (ended_) return;
  const std::uint32_t events = unsent_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  if (!loop_.watch(watched_, events, [this](std::uint32_t) { exchange(); }))
    end(Code::local_error, "the socket could not be watched");
}

bool Transfer::send() {
  for (;;) {
    if (unsent_.empty()) unsent_ = exchange_->take_output();
    if (unsent_.empty()) break;
    std::size_t sent = 0;
    const CURLcode code = curl_easy_send(easy_, unsent_.data(), unsent_.size(), &sent);
    if (code == CURLE_AGAIN) return true;
    if (code != CURLE_OK) {
      // An answer may have come before the peer closed; only if there is none, the request has failed.
      unsent_.clear();
      receive();
      if (!exchange_->ending()) exchange_->closed(Closing::reset, error_);
      return false;
    }
    unsent_.erase(0, sent);
  }
  if (exchange_->asked()) clock_.enter(Stage::response);
  return true;
}

void Transfer::receive() {
  std::array<char, receive_size> buffer{};
  while (!ended_ && !exchange_->ending()) {
    std::size_t got = 0;
    const CURLcode code = curl_easy_recv(easy_, buffer.data(), buffer.size(), &got);
    if (code == CURLE_AGAIN) return;
    if (code != CURLE_OK && exchange_->asked() && classify({code, 0, error_, Stage::response}) == Code::tls_alert)
      end(Code::tls_alert, error_);  // with TLS 1.3 a server judges the client after the client's handshake is done
    else if (code != CURLE_OK)
      exchange_->closed(is_reset(easy_, error_) ? Closing::reset : Closing::broken, error_);
    else if (got == 0)
      exchange_->closed(Closing::end_of_file, {});
    else
      exchange_->received({buffer.data(), got});
  }
}

void Transfer::expired() {
  const Stage stage = clock_.current();
  const std::string limit = limit_text(limit_of(attempt_.limits, stage));
  if (multi_.broken()) {
    end(Code::local_error, "the event loop could not watch a socket");
  } else if (stage == Stage::connect || stage == Stage::tls) {
    if (stage == Stage::connect) local_ = local_end();
    end(stage == Stage::connect ? Code::connect_timeout : Code::tls_timeout, "not done within " + limit);
  } else if (exchange_) {
    exchange_->timed_out(limit);
    end(exchange_->ending()->code, exchange_->ending()->detail);
  } else {
    read_reply();
    end(Code::response_timeout, "no complete response within " + limit);
  }
}

void Transfer::end(Code code, const std::string& detail) {
  if (std::exchange(ended_, true)) return;
  if (watched_ >= 0) loop_.unwatch(watched_);
  if (ticker_) ticker_->stop();
  watched_ = -1;
  if (exchange_) reply_ = exchange_->reply();
  code_ = settled(code);
  detail_ = detail;
  clock_.end(code_);
  on_done_();
}

void Transfer::tell(Observation& seen) const {
  seen.code = code_;
  seen.detail = detail_;
  seen.reached = clock_.current();
  seen.stages.insert(seen.stages.end(), clock_.stages().begin(), clock_.stages().end());
  seen.peer = endpoint(address_, attempt_.port);
  const char* local = nullptr;
  long local_port = 0;
  curl_easy_getinfo(easy_, CURLINFO_LOCAL_IP, &local);
  curl_easy_getinfo(easy_, CURLINFO_LOCAL_PORT, &local_port);
  seen.local = local == nullptr || *local == '\0' ? local_ : endpoint(local, local_port);
  seen.http_status = reply_.status;
  seen.http_version = reply_.http_version;
  seen.server_header = reply_.server_header;
  const TlsClient& tls = inner_ != nullptr ? inner_->told() : tls_;
  seen.alpn = tls.alpn();
  seen.tls_version = tls.version();
  seen.certificate = tls.certificate();
  seen.answer = find_answer(reply_.body);
  seen.body_excerpt = escape(reply_.body, excerpt_size);
  seen.bytes_received = reply_.bytes;
  if (ticker_) seen.ticks = ticker_->ticks();
}

}  // namespace egressproof::probe
