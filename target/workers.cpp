#include "target/workers.h"

#include <sys/socket.h>

#include <system_error>

namespace egressproof::target {

bool Workers::start(UniqueFd socket, std::function<void(int)> work) {
  const std::lock_guard lock(mutex_);
  Worker& worker = workers_.emplace_back();
  worker.socket = std::move(socket);
  try {
    worker.thread = std::thread([this, &worker, fd = worker.socket.get(), run = std::move(work)] {
      run(fd);
      // Under the lock, so that stop() never shuts down a number that is someone else's by now. `worker` lives until it
      // is joined.
      const std::lock_guard done(mutex_);
      worker.socket.reset();
      worker.ended = true;
      ended_();
    });
  } catch (const std::system_error&) {
    workers_.pop_back();
    return false;
  }
  return true;
}

void Workers::reap() {
  std::list<Worker> ended;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = workers_.begin(); at != workers_.end();) {
      const auto next = std::next(at);
      if (at->ended) ended.splice(ended.end(), workers_, at);
      at = next;
    }
  }
  for (Worker& worker : ended) worker.thread.join();
}

int Workers::size() {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(workers_.size());
}

void Workers::stop() {
  {
    const std::lock_guard lock(mutex_);
    for (Worker& worker : workers_)
      if (worker.socket.valid()) ::shutdown(worker.socket.get(), SHUT_RDWR);
  }
  for (Worker& worker : workers_) worker.thread.join();
  workers_.clear();
}

}  // namespace egressproof::target
