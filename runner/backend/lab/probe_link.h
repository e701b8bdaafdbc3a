// One long-lived probe in a pod, spoken to over pipes.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "probe/codec.h"
#include "runner/process/child.h"

namespace egressproof::backend::lab {

class ProbeLink {
 public:
  // `command`: how to start the probe in its pod; its standard input and output become this link's.
  static Result<ProbeLink> start(process::Command command);

  // Waits for the probe's hello. Errors: kind environment, with what was awaited.
  Result<void> wait_hello(std::chrono::milliseconds limit);
  process::Child& child() { return child_; }

 private:
  friend class BatchExchange;
  ProbeLink(process::Child child, UniqueFd to, UniqueFd from)
      : child_(std::move(child)), to_(std::move(to)), from_(std::move(from)) {}
  bool fill();  // reads what is there into buffer_; false at the end of the stream
  bool take_line(std::string& line);

  process::Child child_;
  UniqueFd to_, from_;
  std::string buffer_;
};

// Runs one batch in each of several links at once, with so many attempts in flight as `lanes` says of it. A probe that
// dies or falls silent has its errors in its BatchResult.
std::map<std::string, probe::BatchResult> exchange(std::map<std::string, ProbeLink>& links,
                                                   const std::map<std::string, std::vector<probe::Attempt>>& batches,
                                                   const std::string& batch_name,
                                                   const std::map<std::string, int>& lanes,
                                                   std::chrono::milliseconds limit);

}  // namespace egressproof::backend::lab
