// kubectl port-forward: ports on a pod's loopback, reachable on ours.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "runner/backend/cluster/kubectl.h"
#include "runner/process/child.h"

namespace egressproof::backend::cluster {

// The local ports by remote port, of kubectl's output so far: "Forwarding from 127.0.0.1:46603 -> 8080". Pure.
std::map<int, int> parse_forwarded(std::string_view output);

// One kubectl for one pod; ends with its owner.
class PortForward {
 public:
  // Returns at once; url() works after ready().
  static Result<PortForward> start(const Kubectl& kubectl, const std::string& ns, const std::string& pod,
                                   std::vector<int> ports);
  // Reads what kubectl said. true: all ports are forwarded. Error kind environment: it ended, with its words.
  Result<bool> ready();
  // "http://127.0.0.1:46603"; empty for a port that is not forwarded.
  [[nodiscard]] std::string url(int port) const;
  // How it ended, if it did.
  [[nodiscard]] std::string ended();

 private:
  PortForward(std::string pod, std::vector<int> ports, process::Child child, UniqueFd output)
      : pod_(std::move(pod)), ports_(std::move(ports)), child_(std::move(child)), output_(std::move(output)) {}

  std::string pod_;  // "ns/name"
  std::vector<int> ports_;
  process::Child child_;
  UniqueFd output_;
  std::string told_;
  std::map<int, int> local_;
};

}  // namespace egressproof::backend::cluster
