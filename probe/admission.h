// Which batches the agent carries out: those signed with the run's key, a short time ago, once, one at a time.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "probe/signature.h"

namespace egressproof::probe {

// Why a request is not served, as the client is told.
struct Refusal {
  int status = 0;     // of HTTP; 0: nobody is there to be told
  std::string error;  // a stable word: "expired"
  std::string message;
};

// Thread-safe.
class Admission {
 public:
  using Milliseconds = std::chrono::milliseconds;  // since the Unix epoch

  Admission(std::string key, std::string run) : key_(std::move(key)), run_(std::move(run)) {}

  // What can be said of the field alone, before the body is read: 401 unsigned, malformed or expired, 403 another
  // run's, 409 replayed.
  std::optional<Refusal> check(const BatchSignature& signature, Milliseconds now);
  // Whether the key's holder signed this very body. What is not genuine must not be admitted.
  [[nodiscard]] bool genuine(const BatchSignature& signature, std::string_view body) const;
  // check() once more, as time went by, and 429 while another batch runs. Without a Refusal the id is used up, and the
  // caller runs the batch and then calls release().
  std::optional<Refusal> admit(const BatchSignature& signature, Milliseconds now);
  void release();
  [[nodiscard]] std::string result_mac(const std::string& id, std::string_view earlier) const;

 private:
  std::optional<Refusal> check_locked(const BatchSignature& signature, Milliseconds now);

  const std::string key_, run_;
  std::mutex mutex_;
  std::map<std::string, Milliseconds> used_;  // id -> when it was issued; kept as long as that is valid
  bool running_ = false;
};

}  // namespace egressproof::probe
