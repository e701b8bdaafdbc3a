#include "runner/draft/model.h"

#include <algorithm>

#include "runner/draft/objects.h"

namespace egressproof::draft {
namespace {

using scenario::Node;
using scenario::PolicyObject;

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool of_istio(const PolicyObject& object) {
  return is_one_of(group_of(object.api_version),
                   {"networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io"});
}

// Namespaces that hold no tenant's workload.
bool is_platform(const std::string& ns) {
  return ns == "istio-system" || ns.starts_with("kube-") || ns.starts_with("knative-") ||
         is_one_of(ns, {"istio-ingress", "istio-egress", "kourier-system", "cert-manager"});
}

bool is_workload(const PolicyObject& object) {
  const std::string group = group_of(object.api_version);
  if (group == "serving.knative.dev") return is_one_of(object.kind, {"Service", "Configuration", "Revision"});
  if (group == "apps") return is_one_of(object.kind, {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"});
  return (group == "batch" && is_one_of(object.kind, {"Job", "CronJob"})) || (group.empty() && object.kind == "Pod");
}

std::string shown_kind(const PolicyObject& object) {
  return group_of(object.api_version) == "serving.knative.dev" && object.kind == "Service" ? "Knative Service"
                                                                                           : object.kind;
}

bool isolates_egress(const Node& root) {
  const Node* spec = scenario::find(root, "spec");
  if (spec == nullptr) return false;
  const Node* types = scenario::find(*spec, "policyTypes");
  if (types == nullptr) return scenario::find(*spec, "egress") != nullptr;
  return std::any_of(types->items.begin(), types->items.end(), [](const Node& one) { return one.text == "Egress"; });
}

class Interpreter {
 public:
  Interpreter(const Manifests& manifests, const std::string& default_ns)
      : manifests_(manifests), default_ns_(default_ns) {}

  Model run() {
    model_.asides = manifests_.asides;
    for (const Manifest& one : manifests_.all) take(one);
    find_workloads();
    for (Workload& workload : model_.workloads) decide(workload);
    return std::move(model_);
  }

 private:
  void understood(const Manifest& one, const std::string& what) {
    model_.understood.push_back({one.object.at, what, ""});
  }

  void take(const Manifest& one) {
    const PolicyObject& object = one.object;
    const std::string ns = effective_ns(object, default_ns_);
    if (of_istio(object)) return take_istio(one, ns);
    const std::string group = group_of(object.api_version);
    if (object.kind == "NetworkPolicy" && group == "networking.k8s.io")
      return understood(
          one, "NetworkPolicy " + object.name + (isolates_egress(one.root) ? ": for egress" : ": not for egress"));
    if (object.kind == "Namespace" && group.empty()) return understood(one, "Namespace " + object.name);
    if (is_workload(object)) return understood(one, shown_kind(object) + " " + object.name + ": a workload");
    const bool iop = object.kind == "IstioOperator";
    if (iop || (object.kind == "ConfigMap" && object.name == "istio")) return take_mesh(one, iop);
    if (group.empty() && is_one_of(object.kind, {"Service", "ServiceAccount"}))
      return understood(one, object.kind + " " + object.name + ": of the cluster, no egress");
    model_.asides.push_back({object.at, object.kind + " " + object.name, "says nothing of egress that is read here"});
  }

  void take_istio(const Manifest& one, const std::string& ns) {
    const PolicyObject& object = one.object;
    if (object.kind == "ServiceEntry") return understood(one, read_service_entry(model_, one, ns));
    if (object.kind == "VirtualService") return understood(one, read_virtual_service(model_, one, ns));
    if (object.kind == "Gateway") return understood(one, read_gateway(model_, one));
    if (object.kind == "Sidecar") {
      if (ns == model_.root_ns && node_at(one.root, {"spec", "workloadSelector"}) == nullptr)
        model_.root_sidecar = &one;
      return understood(one, read_sidecar(model_, one));
    }
    if (is_one_of(object.kind, {"DestinationRule", "AuthorizationPolicy", "PeerAuthentication", "WorkloadEntry",
                                "EnvoyFilter", "RequestAuthentication"}))
      return understood(one, object.kind + " " + object.name + ": applied as it stands");
    model_.asides.push_back({object.at, object.kind + " " + object.name, "a kind of Istio that is not applied here"});
  }

  void take_mesh(const Manifest& one, bool iop) {
    bool registry_only = false;
    if (iop) {
      const Node* mesh = node_at(one.root, {"spec", "meshConfig"});
      registry_only = mesh != nullptr && says_registry_only(*mesh);
    } else {
      const scenario::ParsedYaml mesh = scenario::parse_yaml(one.object.at.file, text_at(one.root, {"data", "mesh"}));
      registry_only = mesh.problems.empty() && !mesh.documents.empty() && says_registry_only(mesh.documents[0].root);
    }
    if (registry_only) model_.mesh_registry_only = one.object.at;
    understood(one, one.object.kind + " " + one.object.name + ": meshConfig " +
                        (registry_only ? "REGISTRY_ONLY" : "does not say REGISTRY_ONLY"));
  }

  // Namespaces that gateways run in, as routes say.
  [[nodiscard]] bool is_gateway_ns(const std::string& ns) const {
    return std::any_of(model_.routes.begin(), model_.routes.end(),
                       [&](const auto& one) { return one.gateway_ns == ns; });
  }

  Workload& workload_of(const std::string& ns, const Location& at) {
    for (Workload& one : model_.workloads)
      if (one.ns == ns) return one;
    model_.workloads.emplace_back();
    model_.workloads.back().ns = ns;
    model_.workloads.back().at = at;
    return model_.workloads.back();
  }

  void find_workloads() {
    for (const Manifest& one : manifests_.all) {
      const PolicyObject& object = one.object;
      const bool names_itself = object.kind == "Namespace" && group_of(object.api_version).empty();
      const std::string ns = names_itself ? object.name : effective_ns(object, default_ns_);
      if (is_platform(ns) || is_gateway_ns(ns)) continue;
      const bool counts = names_itself || is_workload(object) ||
                          (of_istio(object) && is_one_of(object.kind, {"Sidecar", "ServiceEntry", "VirtualService"})) ||
                          object.kind == "NetworkPolicy";
      if (!counts) continue;
      Workload& workload = workload_of(ns, object.at);
      if (is_workload(object)) workload.named.push_back(shown_kind(object) + " " + object.name);
    }
    if (model_.workloads.empty() && !model_.listings.empty()) workload_of(default_ns_, model_.listings.front().at);
  }

  void decide(Workload& workload) {
    const Manifest* own = nullptr;
    for (const Manifest& one : manifests_.all) {
      if (effective_ns(one.object, default_ns_) != workload.ns) continue;
      if (one.object.kind == "NetworkPolicy" && isolates_egress(one.root) && !workload.network_policy)
        workload.network_policy = one.object.at;
      if (one.object.kind != "Sidecar" || !of_istio(one.object)) continue;
      // The probe stands for the selected workload too.
      const bool selects = node_at(one.root, {"spec", "workloadSelector"}) != nullptr;
      if (own == nullptr || selects) own = &one;
    }
    workload.stated = own != nullptr;
    if (own == nullptr) own = model_.root_sidecar;
    if (own != nullptr) {
      const Node* spec = scenario::find(own->root, "spec");
      workload.at = own->object.at;
      workload.decided_by = "Sidecar " + own->object.name;
      workload.sidecar_hosts = node_at(own->root, {"spec", "egress"}) != nullptr;
      const bool says = spec != nullptr && scenario::find(*spec, "outboundTrafficPolicy") != nullptr;
      workload.registry_only = spec != nullptr && says_registry_only(*spec);
      if (says) return assign_gateway(workload);
    }
    if (model_.mesh_registry_only) {
      workload.registry_only = true;
      if (own == nullptr) workload.at = *model_.mesh_registry_only;
      workload.decided_by = "meshConfig";
    }
    assign_gateway(workload);
  }

  // A gateway serves one profile in a lab.
  void assign_gateway(Workload& workload) {
    for (const GatewayRoute& route : model_.routes) {
      const auto holder = std::find_if(model_.workloads.begin(), model_.workloads.end(),
                                       [&](const Workload& one) { return one.gateway == route.gateway_ns; });
      const bool taken = holder != model_.workloads.end() && holder->ns != workload.ns;
      const auto listed = std::find_if(model_.listings.begin(), model_.listings.end(), [&](const Listing& one) {
        return one.host == route.host && seen_by(model_, one, workload) != Seen::no;
      });
      if (listed == model_.listings.end() || seen_by(model_, *listed, workload) == Seen::leaked) continue;
      if (taken || (!workload.gateway.empty() && workload.gateway != route.gateway_ns)) {
        model_.asides.push_back({route.at, "the gateway of '" + route.host + "' for namespace " + workload.ns,
                                 "a lab gives each workload one egress gateway of its own: " + route.gateway_ns +
                                     (taken ? " serves " + holder->ns : " is a second one"),
                                 true});
        continue;
      }
      workload.gateway = route.gateway_ns;
    }
  }

  const Manifests& manifests_;
  const std::string& default_ns_;
  Model model_;
};

}  // namespace

std::string to_string(Wire wire) {
  switch (wire) {
    case Wire::http:
      return "http";
    case Wire::tls:
      return "tls";
    case Wire::tcp:
      break;
  }
  return "tcp";
}

std::string effective_ns(const PolicyObject& object, const std::string& default_ns) {
  return object.ns.empty() ? default_ns : object.ns;
}

bool is_applied(const PolicyObject& object) {
  return (object.kind == "NetworkPolicy" && group_of(object.api_version) == "networking.k8s.io") ||
         (of_istio(object) && is_one_of(object.kind, {"ServiceEntry", "VirtualService", "Gateway", "Sidecar",
                                                      "DestinationRule", "AuthorizationPolicy", "PeerAuthentication",
                                                      "WorkloadEntry", "EnvoyFilter", "RequestAuthentication"}));
}

Seen seen_by(const Model& model, const Listing& listing, const Workload& workload) {
  if (listing.export_to.contains("*")) return listing.ns == workload.ns ? Seen::own : Seen::shared;
  if (listing.ns == workload.ns)
    return listing.exported_by_default || listing.export_to.contains(workload.ns) ? Seen::own : Seen::no;
  if (listing.export_to.contains(workload.ns)) return Seen::shared;
  if (!listing.exported_by_default) return Seen::no;
  // What the platform lists without saying for whom is for all; what a tenant lists is for the tenant.
  const bool of_tenant = std::any_of(model.workloads.begin(), model.workloads.end(),
                                     [&](const Workload& one) { return one.ns == listing.ns; });
  return of_tenant ? Seen::leaked : Seen::shared;
}

Model interpret(const Manifests& manifests, const std::string& default_ns) {
  return Interpreter(manifests, default_ns).run();
}

}  // namespace egressproof::draft
