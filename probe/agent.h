// The probe as a server in a pod: batches come over HTTP, signed (signature.h), and their observations go back as they
// are made. Never a proxy: it sends nothing but the attempts of batches that it has admitted.
//
//   GET  /healthz     200
//   POST /v1/batches  200, chunked application/x-ndjson: lines of codec.h up to the closing record, then the signature.
//                     Without a batch being begun, with {"error": "expired", "message": "..."}: 400 malformed, 401
//                     unsigned, forged, expired; 403 other_run; 408 slow; 409 replayed; 413 too_large, too_many;
//                     429 busy (Retry-After); 431 head_too_large; 503 stopping
//
// A client that goes away ends its batch: nothing more is sent. An id is remembered as long as its signature is valid,
// but not by the process that comes after this one.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "probe/agent_http.h"
#include "probe/engine.h"

namespace egressproof::probe {

struct AgentOptions {
  std::string address = "0.0.0.0";  // IP literal
  std::uint16_t port = 8080;        // 0: the kernel's choice
  std::string run;                  // see is_run_id()
  std::string key;                  // at least 32 bytes
  EngineOptions engine;             // stop_fd is the agent's own
  HttpLimits http;
  std::size_t most_attempts = 5000;  // of a batch
  int most_connections = 64;
};

class Agent {
 public:
  // Listens and serves on threads of its own. The process must ignore SIGPIPE. Errors: kind usage for options that it
  // cannot serve by, kind environment, naming address and port.
  static Result<std::unique_ptr<Agent>> start(AgentOptions options);
  ~Agent();  // stop(0)
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // Begins nothing new, gives a running batch `grace` to end, then ends everything.
  void stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  explicit Agent(std::unique_ptr<Impl> impl);
};

}  // namespace egressproof::probe
