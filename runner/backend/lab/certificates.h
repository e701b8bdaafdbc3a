// Workload identities of the lab: a throw-away CA per run and one certificate per service account.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace egressproof::backend::lab {

struct Pem {
  std::string certificate;
  std::string key;
};

// Keys stay in memory and in the files that pilot-agent reads; they die with the work folder.
class WorkloadCa {
 public:
  static Result<WorkloadCa> create();
  WorkloadCa(WorkloadCa&&) noexcept;
  WorkloadCa& operator=(WorkloadCa&&) noexcept;
  ~WorkloadCa();

  [[nodiscard]] const std::string& root() const;
  // URI SAN spiffe://cluster.local/ns/NS/sa/SA, as Istio's own CA issues.
  [[nodiscard]] Result<Pem> issue(const std::string& ns, const std::string& service_account) const;

 private:
  struct Impl;
  explicit WorkloadCa(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace egressproof::backend::lab
