// `knative.ingress: stand-in`: in the place of an ingress controller, where none is to be had.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/backend/cluster/kubectl.h"

namespace egressproof::backend::cluster {

// The status that makes an Ingress (networking.internal.knative.dev) of this generation ready, as a merge patch. `now`:
// RFC 3339. Pure.
Json ready_status(long generation, const std::string& now);

// One pass: marks every ingress ready that is not yet for its present generation; "namespace/name" of each. Those that
// vanish in between are passed over. Errors: kind environment.
Result<std::vector<std::string>> mark_ingresses_ready(const Kubectl& kubectl);

// Passes in a thread of its own until the owner goes. Nothing routes to a Knative Service by it: probes are reached at
// their pods.
class IngressStandIn {
 public:
  explicit IngressStandIn(Kubectl kubectl, std::chrono::milliseconds every = std::chrono::milliseconds(500));
  IngressStandIn(const IngressStandIn&) = delete;
  IngressStandIn& operator=(const IngressStandIn&) = delete;
  ~IngressStandIn();  // ends after the pass in progress

  // Empty: the last pass succeeded.
  [[nodiscard]] std::string problem() const;

 private:
  void loop();
  Kubectl kubectl_;
  std::chrono::milliseconds every_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::string problem_;
  std::thread thread_;  // last: it uses all of the others
};

}  // namespace egressproof::backend::cluster
