#include "probe/engine.h"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "probe/flight.h"

namespace egressproof::probe {
namespace {

// The soft limit of descriptors is often far below what the process may have.
std::size_t descriptors_allowed() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  if (limit.rlim_cur < limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::size_t>(limit.rlim_cur);
}

// Running out of descriptors would look like a failed connection or query.
std::size_t admitted(int parallel) {
  constexpr std::size_t reserved = 64;  // of the process itself
  constexpr std::size_t a_flight = 2;   // its socket, or its name server's and one more on the way to TCP
  const std::size_t allowed = descriptors_allowed();
  const std::size_t most = allowed > reserved ? (allowed - reserved) / a_flight : 1;
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::max(parallel, 1)), 1, std::max<std::size_t>(most, 1));
}

class Batch {
 public:
  Batch(const EngineOptions& options, const std::function<void(const Observation&)>& tell)
      : options_(options), tell_(tell), multi_(loop_) {
    if (options_.stop_fd < 0) return;
    const int stop = options_.stop_fd;
    stopped_ = !loop_.watch(stop, EPOLLIN, [this, stop](std::uint32_t) {
      stopped_ = true;
      loop_.unwatch(stop);
    });
  }

  void run(const std::vector<Attempt>& attempts) {
    const std::size_t parallel = admitted(options_.parallel);
    auto next = attempts.begin();
    while (!stopped_ && (next != attempts.end() || !flights_.empty())) {
      while (next != attempts.end() && flights_.size() < parallel) begin(*next++);
      if (ready_.empty() && !flights_.empty()) loop_.turn();
      go_on();
    }
  }

 private:
  void begin(const Attempt& attempt) {
    if (attempt.outer && options_.workload_certificate.empty()) {
      tell_(untried(attempt, Code::local_error,
                    "no certificate of the workload for mutual TLS: see --workload-certificate"));
    } else if (const std::string why = unsupported(attempt); !why.empty()) {
      tell_(untried(attempt, Code::unsupported, why));
    } else if (!loop_.valid() || multi_.broken()) {
      tell_(untried(attempt, Code::local_error, "the event loop could not be made or has failed"));
    } else {
      const std::uint64_t number = ++last_;
      flights_.emplace(number, std::make_unique<Flight>(loop_, multi_, options_, attempt,
                                                        [this, number] { ready_.push_back(number); }));
    }
  }

  // Outside of all callbacks, so that what has ended can be destroyed.
  void go_on() {
    std::vector<std::uint64_t> ready;
    ready.swap(ready_);
    for (const std::uint64_t number : ready) {
      const auto flight = flights_.find(number);
      if (flight == flights_.end() || !flight->second->step()) continue;
      const Observation seen = flight->second->observation();
      flights_.erase(flight);
      tell_(seen);
    }
  }

  const EngineOptions& options_;
  const std::function<void(const Observation&)>& tell_;
  EventLoop loop_;
  CurlMulti multi_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Flight>> flights_;  // destroyed before the loop
  std::vector<std::uint64_t> ready_;
  std::uint64_t last_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::string unsupported(const Attempt& attempt) {
  if (attempt.protocol == Protocol::dns && attempt.query_type != "A" && attempt.query_type != "AAAA" &&
      attempt.query_type != "TXT")
    return "DNS type " + attempt.query_type + " is not supported by this build";
  return "";
}

void run_attempts(const std::vector<Attempt>& attempts, const EngineOptions& options,
                  const std::function<void(const Observation&)>& tell) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)once;
  Batch(options, tell).run(attempts);
}

}  // namespace egressproof::probe
