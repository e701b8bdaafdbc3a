// Threads of connections, each with its socket. One thread a connection, as a fixture answers hundreds of clients, not
// thousands, and blocking code reads like the protocol.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"

namespace egressproof::target {

class Workers {
 public:
  // `ended` is called by each thread as its last act; it must be short and thread-safe.
  explicit Workers(std::function<void()> ended) : ended_(std::move(ended)) {}
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Runs `work` with the socket, which is closed when it returns. False: no thread could be had; the socket is closed.
  bool start(UniqueFd socket, std::function<void(int)> work);
  void reap();               // joins the threads that have ended
  [[nodiscard]] int size();  // threads not yet joined
  void stop();               // shuts all sockets down and joins all threads; afterwards start() must not be called

 private:
  struct Worker {
    std::thread thread;
    UniqueFd socket;
    bool ended = false;
  };
  std::function<void()> ended_;
  std::mutex mutex_;
  std::list<Worker> workers_;
};

}  // namespace egressproof::target
