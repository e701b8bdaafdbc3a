// One run at a time in a cluster, and what dead ones left there.
//
// The targets' namespace is the lock: the API server creates it for one run only. Its annotations say who holds it and
// when he last said so. A run whose process is dead, or that was silent for too long, is removed by the next one.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "runner/backend/backend.h"
#include "runner/backend/cluster/kubectl.h"

namespace egressproof::backend::cluster {

// A run as the cluster knows it.
struct Holder {
  std::string run_id;
  std::string process;         // "host/boot id/pid/start time" of its process
  std::int64_t renewed_s = 0;  // since the Unix epoch
  bool kept = false;           // by --keep: nobody holds it any more
};
std::string this_process();
// Whether the run is over: kept, its process on this machine is dead, or silent for a minute. Pure but for /proc.
bool is_over(const Holder& holder, std::int64_t now_s);
// Of the namespace object; Error kind environment: it is not of a run.
Result<Holder> holder_of(const Json& ns);

// Removes all that runs made and waits until it is gone: every namespace with run_label, and the stub domain. Returns
// their number.
Result<int> remove_runs(const Kubectl& kubectl);

class Ownership {
 public:
  // Removes what runs that are over left. Error kind environment: another run lives, with its name; or a namespace is
  // there that is not ours.
  static Result<std::unique_ptr<Ownership>> take(const Kubectl& kubectl, const std::string& run_id,
                                                 const std::vector<std::string>& namespaces, const Progress& progress);
  ~Ownership();  // only ends the renewal
  Ownership(const Ownership&) = delete;
  Ownership& operator=(const Ownership&) = delete;

  // The world stays for people to look at; the next run removes it.
  Result<void> keep();
  // Whether somebody took the cluster from us, or it could not be told for long.
  std::string lost();

 private:
  Ownership(Kubectl kubectl, std::string run_id);
  void renew();

  Kubectl kubectl_;
  std::string run_id_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::string lost_;
  std::thread renewal_;
};

}  // namespace egressproof::backend::cluster
