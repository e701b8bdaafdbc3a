#include "probe/engine.h"

#include <algorithm>
#include <list>
#include <memory>

#include "probe/resolver.h"
#include "probe/transfer.h"

namespace egressproof::probe {
namespace {

using std::chrono::microseconds;

constexpr int tick_ms = 20;  // how late a limit may be noticed at most

microseconds now() {
  return std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch());
}

std::chrono::milliseconds limit_of(const StageLimits& limits, Stage stage) {
  switch (stage) {
    case Stage::resolve:
      return limits.resolve;
    case Stage::connect:
      return limits.connect;
    case Stage::tls:
      return limits.tls;
    case Stage::request:
    case Stage::response:
      return limits.response;
  }
  return limits.response;
}

struct Flight {
  Attempt attempt;
  microseconds started_at{0};
  std::unique_ptr<Resolution> resolution;
  std::unique_ptr<Transfer> transfer;
  bool raw = false;  // connected, exchanging bytes outside libcurl's state machine
  std::vector<std::string> addresses;
  StageResult resolve_stage;
};

class Loop {
 public:
  Loop(const std::vector<Attempt>& attempts, const EngineOptions& options,
       const std::function<void(const Observation&)>& tell)
      : waiting_(attempts.rbegin(), attempts.rend()), options_(options), tell_(tell), multi_(curl_multi_init()) {}
  ~Loop() {
    flights_.clear();
    curl_multi_cleanup(multi_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run() {
    while (!waiting_.empty() || !flights_.empty()) {
      while (!waiting_.empty() && flights_.size() < static_cast<std::size_t>(options_.parallel)) {
        begin(waiting_.back());
        waiting_.pop_back();
      }
      step();
    }
  }

 private:
  void begin(const Attempt& attempt) {
    if (const std::string why = unsupported(attempt); !why.empty()) {
      tell_failure(attempt, now(), Stage::resolve, Code::unsupported, why);
      return;
    }
    flights_.push_back({attempt, now(), nullptr, nullptr, false, {}, {}});
    Flight& flight = flights_.back();
    const bool dns = attempt.protocol == Protocol::dns;
    if (!dns && !attempt.address.empty()) {
      dial(flight, attempt.address);
      return;
    }
    const Family family = !dns ? attempt.family : attempt.query_type == "AAAA" ? Family::ipv6 : Family::ipv4;
    flight.resolution = std::make_unique<Resolution>(attempt.name, family, dns ? attempt.server : "", attempt.port,
                                                     attempt.limits.resolve);
  }

  void dial(Flight& flight, const std::string& address) {
    flight.transfer = std::make_unique<Transfer>(flight.attempt, address, options_.ca_file);
    curl_multi_add_handle(multi_, flight.transfer->easy());
  }

  void step() {
    std::vector<pollfd> entries;
    for (const Flight& flight : flights_) {
      if (flight.resolution) flight.resolution->add_interest(entries);
      if (flight.raw) entries.push_back({flight.transfer->socket(), POLLIN, 0});
    }
    std::vector<curl_waitfd> extra;
    for (const pollfd& entry : entries) {
      short events = 0;
      if ((entry.events & POLLIN) != 0) events |= CURL_WAIT_POLLIN;
      if ((entry.events & POLLOUT) != 0) events |= CURL_WAIT_POLLOUT;
      extra.push_back({entry.fd, events, 0});
    }
    int running = 0;
    curl_multi_perform(multi_, &running);
    collect();
    if (!flights_.empty()) curl_multi_poll(multi_, extra.data(), static_cast<unsigned>(extra.size()), tick_ms, nullptr);
    for (auto flight = flights_.begin(); flight != flights_.end();) {
      const auto next = std::next(flight);
      advance(flight);
      flight = next;
    }
  }

  // What libcurl reports as ended.
  void collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto flight = std::find_if(flights_.begin(), flights_.end(), [&](const Flight& one) {
        return one.transfer && one.transfer->easy() == message->easy_handle;
      });
      if (flight == flights_.end()) continue;
      const CURLcode code = message->data.result;
      flight->transfer->finished(code);
      if (code == CURLE_OK && flight->attempt.protocol == Protocol::tcp)
        flight->raw = true;
      else
        land(flight);
    }
  }

  void advance(std::list<Flight>::iterator flight) {
    if (flight->resolution) {
      flight->resolution->process();
      if (flight->resolution->done()) resolved(flight);
      return;
    }
    if (flight->raw && flight->transfer->exchange_raw()) {
      land(flight);
      return;
    }
    if (flight->transfer->stage_age() > limit_of(flight->attempt.limits, flight->transfer->stage())) {
      flight->transfer->timed_out();
      land(flight);
    }
  }

  void resolved(std::list<Flight>::iterator flight) {
    const std::unique_ptr<Resolution> resolution = std::move(flight->resolution);
    flight->addresses = resolution->addresses();
    flight->resolve_stage = {Stage::resolve, resolution->code(), now() - flight->started_at};
    if (resolution->code() == Code::ok && flight->attempt.protocol != Protocol::dns) {
      dial(*flight, flight->addresses.front());
      return;
    }
    Observation seen =
        blank(flight->attempt, flight->started_at, Stage::resolve, resolution->code(), resolution->detail());
    seen.stages = {flight->resolve_stage};
    seen.addresses = flight->addresses;
    if (flight->attempt.protocol == Protocol::dns) seen.dns_answers = flight->addresses;
    flights_.erase(flight);
    tell_(seen);
  }

  void land(std::list<Flight>::iterator flight) {
    Observation seen = flight->transfer->observe();
    seen.started_at = flight->started_at;
    seen.addresses = flight->addresses;
    if (!flight->addresses.empty()) seen.stages.insert(seen.stages.begin(), flight->resolve_stage);
    curl_multi_remove_handle(multi_, flight->transfer->easy());
    flights_.erase(flight);
    tell_(seen);
  }

  static Observation blank(const Attempt& attempt, microseconds started, Stage stage, Code code,
                           const std::string& why) {
    Observation seen;
    seen.sequence = attempt.sequence;
    seen.attempt_id = attempt.id;
    seen.nonce = attempt.nonce;
    seen.code = code;
    seen.reached = stage;
    seen.started_at = started;
    seen.finished_at = now();
    seen.detail = why;
    return seen;
  }

  void tell_failure(const Attempt& attempt, microseconds started, Stage stage, Code code, const std::string& why) {
    tell_(blank(attempt, started, stage, code, why));
  }

  std::vector<Attempt> waiting_;  // last first
  EngineOptions options_;
  const std::function<void(const Observation&)>& tell_;
  CURLM* multi_;
  std::list<Flight> flights_;
};

}  // namespace

std::string unsupported(const Attempt& attempt) {
  if (!attempt.fields.empty()) return "a header block of one's own ('fields') is not supported by this build";
  if (attempt.earlier) return "an earlier request on the same connection is not supported by this build";
  if (attempt.follow_redirects > 0) return "following redirects is not supported by this build";
  if (attempt.protocol == Protocol::dns && attempt.query_type != "A" && attempt.query_type != "AAAA")
    return "DNS type " + attempt.query_type + " is not supported by this build";
  return "";
}

void run_attempts(const std::vector<Attempt>& attempts, const EngineOptions& options,
                  const std::function<void(const Observation&)>& tell) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
  Loop(attempts, options, tell).run();
}

}  // namespace egressproof::probe
