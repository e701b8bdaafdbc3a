#include "runner/backend/lab/certificates.h"

namespace egressproof::backend::lab {

Result<WorkloadCa> WorkloadCa::create() {
  auto ca = CertificateAuthority::create("workloads of the lab");
  if (!ca) return tl::unexpected(ca.error());
  return WorkloadCa(std::move(*ca));
}

Result<KeyPair> WorkloadCa::issue(const std::string& ns, const std::string& service_account) const {
  LeafNames names;
  names.uris = {"spiffe://cluster.local/ns/" + ns + "/sa/" + service_account};
  return ca_.issue(names);
}

}  // namespace egressproof::backend::lab
