// Names to addresses, and single queries, by c-ares: no cache, no search list, no hosts file, so that DNS is a stage of
// its own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "probe/attempt.h"
#include "probe/event_loop.h"
#include "probe/observation.h"

namespace egressproof::probe {

struct Question {
  std::string name;
  Family family = Family::ipv4;  // of the addresses wanted
  std::string type;              // "A", "AAAA" or "TXT": one query, whatever the name; empty: addresses to dial
  std::string server;            // IP literal; empty: those of resolv.conf
  std::uint16_t port = 53;       // of `server`
  bool over_tcp = false;
  std::chrono::milliseconds limit{2000};
};

class Resolution {
 public:
  // `on_done` is called once, when done() has become true; that may be before the constructor returns.
  Resolution(EventLoop& loop, const Question& question, std::function<void()> on_done);
  ~Resolution();
  Resolution(const Resolution&) = delete;
  Resolution& operator=(const Resolution&) = delete;

  [[nodiscard]] bool done() const;
  [[nodiscard]] StageResult stage() const;                        // after done()
  [[nodiscard]] const std::vector<std::string>& answers() const;  // addresses, or the bytes of each TXT record
  [[nodiscard]] const std::string& detail() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace egressproof::probe
