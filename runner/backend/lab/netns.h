// Network namespaces without names: they live as long as a descriptor or a process holds them, so that nothing has to
// be removed after a SIGKILL.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace egressproof::backend::lab {

class Netns {
 public:
  static Result<Netns> create();

  // "/proc/PID/fd/N": can be opened by child processes of this one while this object lives.
  [[nodiscard]] std::string path() const;
  // A socket that belongs to this namespace, whatever namespace the caller is in.
  [[nodiscard]] Result<UniqueFd> socket(int domain, int type, int protocol) const;
  // The kernel's counters of this namespace: "netstat", "stat/nf_conntrack" (below /proc/thread-self/net).
  [[nodiscard]] Result<std::string> read_proc(const std::string& name) const;

 private:
  explicit Netns(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace egressproof::backend::lab
