#include "probe/flight.h"

#include <utility>

#include "probe/codec.h"
#include "probe/request.h"

namespace egressproof::probe {
namespace {

std::chrono::microseconds now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
}

// What is known without trying.
Observation begun(const Attempt& attempt) {
  Observation seen;
  seen.sequence = attempt.sequence;
  seen.attempt_id = attempt.id;
  seen.nonce = attempt.nonce;
  seen.started_at = now();
  return seen;
}

Question question_of(const Attempt& attempt, const EngineOptions& options) {
  Question question;
  question.name = fill_nonce(attempt.name, attempt.nonce);
  question.family = attempt.family;
  question.limit = attempt.limits.resolve;
  question.server = options.dns_server;
  question.port = options.dns_port;
  if (attempt.protocol != Protocol::dns) return question;
  question.type = attempt.query_type;
  question.over_tcp = attempt.query_transport == "tcp";
  if (!attempt.server.empty()) {
    question.server = attempt.server;
    if (attempt.port != 0) question.port = attempt.port;
  }
  return question;
}

}  // namespace

Flight::Flight(EventLoop& loop, CurlMulti& multi, const EngineOptions& options, const Attempt& attempt,
               std::function<void()> on_ready)
    : loop_(loop),
      multi_(multi),
      options_(options),
      hop_(attempt),
      on_ready_(std::move(on_ready)),
      seen_(begun(attempt)) {
  begin_hop();
}

void Flight::begin_hop() {
  if (hop_.protocol != Protocol::dns && !hop_.address.empty())
    dial(hop_.address);
  else
    resolution_ = std::make_unique<Resolution>(loop_, question_of(hop_, options_), on_ready_);
}

void Flight::dial(const std::string& address) {
  if (sends_datagrams(hop_.protocol)) {
    datagrams_ = std::make_unique<Datagrams>(loop_, hop_, address, on_ready_);
    return;
  }
  transfer_ = std::make_unique<Transfer>(loop_, multi_, hop_, address, options_, on_ready_);
}

bool Flight::step() {
  if (resolution_ && resolution_->done()) return resolved();
  if (datagrams_) return datagrams_->ended() && sent();
  return transfer_ && transfer_->ended() && transferred();
}

bool Flight::resolved() {
  const std::unique_ptr<Resolution> resolution = std::move(resolution_);
  const StageResult stage = resolution->stage();
  resolve_stages_.push_back(stage);
  const bool dns = hop_.protocol == Protocol::dns;
  seen_.addresses = !dns || hop_.query_type != "TXT" ? resolution->answers() : std::vector<std::string>{};
  if (dns) seen_.dns_answers = resolution->answers();
  if (stage.code == Code::ok && !dns) {
    dial(seen_.addresses.front());
    return false;
  }
  seen_.stages = resolve_stages_;
  seen_.reached = Stage::resolve;
  seen_.code = stage.code;
  seen_.detail = resolution->detail();
  return end();
}

bool Flight::transferred() {
  const std::unique_ptr<Transfer> transfer = std::move(transfer_);
  seen_.stages = resolve_stages_;
  transfer->tell(seen_);
  const Reply& reply = transfer->reply();
  const bool more = seen_.redirects.size() < static_cast<std::size_t>(hop_.follow_redirects);
  if (seen_.code != Code::ok || !more || !is_redirect(reply.status.value_or(0)) || reply.location.empty()) return end();
  auto next = next_hop(hop_, *reply.status, reply.location);
  if (!next) return end();
  // What is told from now on is the next hop's.
  Observation fresh = begun(hop_);
  fresh.started_at = seen_.started_at;
  fresh.redirects = std::move(seen_.redirects);
  fresh.redirects.push_back(reply.location);
  seen_ = std::move(fresh);
  hop_ = std::move(*next);
  begin_hop();
  return false;
}

bool Flight::sent() {
  seen_.stages = resolve_stages_;
  datagrams_->tell(seen_);
  datagrams_.reset();
  return end();
}

bool Flight::end() {
  seen_.finished_at = now();
  return true;
}

Observation untried(const Attempt& attempt, Code code, const std::string& why) {
  Observation seen = begun(attempt);
  seen.code = code;
  seen.detail = why;
  seen.finished_at = seen.started_at;
  return seen;
}

}  // namespace egressproof::probe
