// The fake internet: listeners of all fixtures, and the DNS authority.
#pragma once

#include <memory>

#include "base/result.h"
#include "target/codec.h"

namespace egressproof::target {

class Server {
 public:
  // Binds everything, makes the CA and writes its file. Errors: kind environment, naming the address and port.
  static Result<std::unique_ptr<Server>> start(const Config& config);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  void stop();  // closes listeners and connections, then the journal

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  explicit Server(std::unique_ptr<Impl> impl);
};

}  // namespace egressproof::target
