// May a tenant undo the policy that confines him? Asked of the API server as the tenant's own service account
// (SelfSubjectAccessReview, authorization.k8s.io/v1); nothing is tried. Pure, but for the call that asks.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/backend/cluster/kubectl.h"

namespace egressproof::backend::cluster {

enum class Weight {
  undoes,  // takes the policy away or writes himself another
  evades   // writes pods as he likes: past the sidecar by uid, annotation or host network unless admission forbids it
};

// One thing that a tenant should not be able to do. Cluster-scoped resources are asked about without a namespace.
struct Question {
  std::string verb, group, resource, subresource;
  std::string ns;  // "": the tenant's; "istio-system": there
  bool cluster_scoped = false;
  Weight weight = Weight::undoes;
  std::string effect;  // for people: "a ServiceEntry of his own lists any host"
};
const std::vector<Question>& questions();
// "create networking.istio.io/serviceentries", "patch namespaces".
std::string name_of(const Question& question);

struct Tenant {
  std::string ns, account = "default";
};

struct Right {
  Tenant tenant;
  Question question;
  bool allowed = false;
  std::string reason;  // the API server's: "RBAC: allowed by RoleBinding ..."
};

// What is sent: all questions about one tenant. `as_self`: SelfSubjectAccessReviews, to be sent as the tenant; else
// SubjectAccessReviews that name him and his groups.
Json reviews(const Tenant& tenant, bool as_self);
// From what `kubectl create --output json` tells of them, one object after the other, in the order of questions().
// Error kind environment: an answer is missing or says that it could not be evaluated.
Result<std::vector<Right>> rights_of(const Tenant& tenant, const std::string& told);

// Asks as the tenant (kubectl --as); where the caller may not do that, about him (SubjectAccessReview). Error kind
// environment: the service account is not there, or the API server answers neither.
Result<std::vector<Right>> ask_rights(const Kubectl& kubectl, const Tenant& tenant);

}  // namespace egressproof::backend::cluster
