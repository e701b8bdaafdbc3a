#include "runner/backend/cluster/rights.h"

#include <sstream>

namespace egressproof::backend::cluster {
namespace {

constexpr const char* networking = "networking.istio.io";
constexpr const char* security = "security.istio.io";
constexpr const char* mesh_namespace = "istio-system";

Question in_namespace(const char* verb, const char* group, const char* resource, const char* effect,
                      const char* subresource = "", Weight weight = Weight::undoes) {
  return {verb, group, resource, subresource, "", false, weight, effect};
}

Question of_pods(const char* verb, const char* group, const char* resource, const char* effect,
                 const char* subresource = "") {
  return in_namespace(verb, group, resource, effect, subresource, Weight::evades);
}

Question of_cluster(const char* verb, const char* group, const char* resource, const char* effect) {
  return {verb, group, resource, "", "", true, Weight::undoes, effect};
}

std::vector<Question> all_questions() {
  std::vector<Question> all;
  for (const char* verb : {"create", "patch", "delete"})
    all.push_back(in_namespace(verb, networking, "sidecars", "REGISTRY_ONLY is a field of this resource"));
  for (const char* verb : {"create", "patch"}) {
    all.push_back(in_namespace(verb, networking, "serviceentries", "an entry of his own lists any host"));
    all.push_back(in_namespace(verb, networking, "virtualservices", "a route leads an allowed host elsewhere"));
    all.push_back(in_namespace(verb, networking, "envoyfilters", "a filter changes the proxy at will"));
  }
  all.push_back(in_namespace("create", networking, "workloadentries", "any address becomes a Service's endpoint"));
  all.push_back(in_namespace("create", networking, "destinationrules", "TLS and its checks are switched off"));
  all.push_back(in_namespace("create", networking, "gateways", "a gateway's listener is bound to other hosts"));
  for (const char* verb : {"create", "patch", "delete"}) {
    all.push_back(in_namespace(verb, security, "authorizationpolicies", "rules for callers are his own"));
    all.push_back(in_namespace(verb, "networking.k8s.io", "networkpolicies", "policies are added up: one allows all"));
  }
  all.push_back(in_namespace("patch", security, "peerauthentications", "mutual TLS is switched off"));
  all.push_back(in_namespace("create", "discovery.k8s.io", "endpointslices", "any address becomes an endpoint"));
  all.push_back(in_namespace("create", "rbac.authorization.k8s.io", "rolebindings", "he gives himself the rest"));
  all.push_back(in_namespace("create", "", "serviceaccounts", "he takes another workload's identity", "token"));
  all.push_back(of_cluster("patch", "", "namespaces", "injection and policies go by a namespace's labels"));
  all.push_back(of_cluster("patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations",
                           "pods are made without a sidecar"));
  all.push_back({"patch", "", "configmaps", "", mesh_namespace, false, Weight::undoes,
                 "the mesh's configuration has the default outbound policy"});
  all.push_back({"create", networking, "sidecars", "", mesh_namespace, false, Weight::undoes,
                 "one in the root namespace holds for all that have none"});
  all.push_back(of_pods("create", "", "pods", "its template is his own"));
  all.push_back(of_pods("create", "apps", "deployments", "its template is his own"));
  all.push_back(of_pods("create", "serving.knative.dev", "services", "its template is his own"));
  all.push_back(of_pods("create", "", "pods", "a process as the proxy, or as root", "exec"));
  all.push_back(of_pods("patch", "", "pods", "a container with any uid", "ephemeralcontainers"));
  return all;
}

std::string user_of(const Tenant& tenant) { return "system:serviceaccount:" + tenant.ns + ":" + tenant.account; }

Result<std::vector<Right>> ask(const Kubectl& kubectl, const Tenant& tenant, bool as_self) {
  std::vector<std::string> args{"create", "--validate=false", "--output", "json", "--filename", "-"};
  if (as_self) args.insert(args.end(), {"--as", user_of(tenant)});
  const auto told = kubectl.run(args, reviews(tenant, as_self).dump());
  if (!told) return tl::unexpected(told.error());
  return rights_of(tenant, *told);
}

// One value after the other, until the first that is none.
std::vector<Json> stream_of(const std::string& text) {
  std::vector<Json> values;
  std::istringstream in(text);
  try {
    for (Json value; in >> std::ws && !in.eof() && in >> value;) values.push_back(value);
  } catch (const Json::exception&) {
    values.clear();
  }
  return values;
}

}  // namespace

const std::vector<Question>& questions() {
  static const std::vector<Question> all = all_questions();
  return all;
}

std::string name_of(const Question& question) {
  std::string name = question.verb + " ";
  if (!question.group.empty()) name += question.group + "/";
  name += question.resource;
  if (!question.subresource.empty()) name += "/" + question.subresource;
  if (!question.ns.empty()) name += " in " + question.ns;
  return name;
}

Json reviews(const Tenant& tenant, bool as_self) {
  Json items = Json::array();
  for (const Question& question : questions()) {
    Json attributes = {{"verb", question.verb}, {"group", question.group}, {"resource", question.resource}};
    if (!question.subresource.empty()) attributes["subresource"] = question.subresource;
    if (question.cluster_scoped)
      attributes["name"] = question.resource == "namespaces" ? tenant.ns : "";
    else
      attributes["namespace"] = question.ns.empty() ? tenant.ns : question.ns;
    Json spec = {{"resourceAttributes", attributes}};
    if (!as_self) {
      spec["user"] = user_of(tenant);
      spec["groups"] = {"system:serviceaccounts", "system:serviceaccounts:" + tenant.ns, "system:authenticated"};
    }
    items.push_back({{"apiVersion", "authorization.k8s.io/v1"},
                     {"kind", as_self ? "SelfSubjectAccessReview" : "SubjectAccessReview"},
                     {"spec", spec}});
  }
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", items}};
}

Result<std::vector<Right>> rights_of(const Tenant& tenant, const std::string& told) {
  const std::vector<Json> items = stream_of(told);
  const std::string whose = "the rights of " + user_of(tenant) + ": ";
  if (items.size() != questions().size())
    return fail(ErrorKind::environment, whose + std::to_string(items.size()) + " answers to " +
                                            std::to_string(questions().size()) + " questions");
  std::vector<Right> rights;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Question& question = questions()[i];
    const Json status = items[i].value("status", Json::object());
    const Json asked = items[i].value("spec", Json::object()).value("resourceAttributes", Json::object());
    if (asked.value("verb", "") != question.verb || asked.value("resource", "") != question.resource ||
        !status.contains("allowed") || !status["allowed"].is_boolean())
      return fail(ErrorKind::environment, whose + "no answer to '" + name_of(question) + "'");
    const bool allowed = status["allowed"].get<bool>();
    // An authorizer that failed while no other allowed it: that is no "no".
    if (const std::string error = status.value("evaluationError", ""); !error.empty() && !allowed)
      return fail(ErrorKind::environment, whose + "'" + name_of(question) + "' could not be evaluated: " + error);
    rights.push_back({tenant, question, allowed, status.value("reason", "")});
  }
  return rights;
}

Result<std::vector<Right>> ask_rights(const Kubectl& kubectl, const Tenant& tenant) {
  // Anybody may be asked about; one that is not there would have no rights, which says nothing.
  if (const auto there = kubectl.get({"serviceaccount", tenant.account, "--namespace", tenant.ns}); !there)
    return tl::unexpected(there.error());
  auto rights = ask(kubectl, tenant, true);
  if (rights) return rights;
  auto about = ask(kubectl, tenant, false);
  if (about) return about;
  Error error = about.error();
  error.context.push_back("asking as the tenant failed too: " + rights.error().message);
  return tl::unexpected(error);
}

}  // namespace egressproof::backend::cluster
