// The fake internet: listeners of all fixtures, the DNS authority, the packet witness.
#pragma once

#include <chrono>
#include <memory>

#include "base/result.h"
#include "target/codec.h"

namespace egressproof::target {

struct Limits {
  // How long a connection may be silent, or not take what is sent to it, before it is closed. Longer than a proxy's
  // pool keeps a connection in a short run, so that no request meets a connection that is just being closed.
  std::chrono::milliseconds idle{30000};
};

class Server {
 public:
  // Binds everything, makes the CA and writes its file. The process must ignore SIGPIPE. Errors: kind environment,
  // naming the address and port; kind usage for a configuration that cannot be served.
  static Result<std::unique_ptr<Server>> start(const Config& config, Limits limits = {});
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] int connections() const;  // threads of connections that are open or not yet cleared away
  // Records that move have moved from now on. Thread-safe.
  void move_records();
  // Closes listeners and connections, whatever they are doing, joins all threads, then closes the journal.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  explicit Server(std::unique_ptr<Impl> impl);
};

}  // namespace egressproof::target
