// Names to addresses by c-ares: no cache, no search list, no hosts file, so that DNS is a stage of its own.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "probe/attempt.h"
#include "probe/observation.h"

namespace egressproof::probe {

class Resolution {
 public:
  // `server`: IP literal, or empty for those of resolv.conf. `port` 0 means 53.
  Resolution(const std::string& name, Family family, const std::string& server, std::uint16_t port,
             std::chrono::milliseconds limit);
  ~Resolution();
  Resolution(const Resolution&) = delete;
  Resolution& operator=(const Resolution&) = delete;

  void add_interest(std::vector<pollfd>& entries) const;
  void process();  // reads and writes what is possible, and sees to time-outs
  [[nodiscard]] bool done() const;
  [[nodiscard]] Code code() const;  // after done()
  [[nodiscard]] const std::vector<std::string>& addresses() const;
  [[nodiscard]] const std::string& detail() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace egressproof::probe
