// Workload identities of the lab: a throw-away CA per run and one certificate per service account.
#pragma once

#include <string>

#include "base/x509.h"

namespace egressproof::backend::lab {

// Keys stay in memory and in the files that pilot-agent reads; they die with the work folder.
class WorkloadCa {
 public:
  static Result<WorkloadCa> create();

  [[nodiscard]] const std::string& root() const { return ca_.certificate(); }  // PEM
  // Empty subject and critical URI SAN spiffe://cluster.local/ns/NS/sa/SA, as Istio's own CA issues.
  [[nodiscard]] Result<KeyPair> issue(const std::string& ns, const std::string& service_account) const;

 private:
  explicit WorkloadCa(CertificateAuthority ca) : ca_(std::move(ca)) {}
  CertificateAuthority ca_;
};

}  // namespace egressproof::backend::lab
