#include "runner/draft/policies.h"

#include <algorithm>
#include <map>
#include <set>

namespace egressproof::draft {
namespace {

using scenario::Entry;
using scenario::Node;

constexpr const char* lab_authority = "/etc/ssl/certs/ca-certificates.crt";

Node text_node(const std::string& text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  return node;
}

Node map_node(const std::vector<std::pair<std::string, Node>>& entries) {
  Node node;
  node.kind = Node::Kind::map;
  for (const auto& [key, value] : entries) node.entries.push_back({text_node(key), value});
  return node;
}

Node* child(Node& map, const std::string& key) {
  for (Entry& entry : map.entries)
    if (entry.key.text == key) return &entry.value;
  return nullptr;
}

void put(Node& map, const std::string& key, Node value) {
  map.kind = Node::Kind::map;
  if (Node* found = child(map, key))
    *found = std::move(value);
  else
    map.entries.push_back({text_node(key), std::move(value)});
}

bool remove(Node& map, const std::string& key) {
  return std::erase_if(map.entries, [&](const Entry& entry) { return entry.key.text == key; }) > 0;
}

// Whether labels would select the lab's gateway of this namespace.
bool selects_gateway(const Node& labels, const std::string& ns) {
  return std::all_of(labels.entries.begin(), labels.entries.end(), [&](const Entry& one) {
    return (one.key.text == "app" && one.value.text == "istio-egressgateway") ||
           (one.key.text == "istio" && one.value.text == ns);
  });
}

bool names_a_gateway(const Node& labels) {
  return std::any_of(labels.entries.begin(), labels.entries.end(), [](const Entry& one) {
    return (one.key.text == "app" || one.key.text == "istio") &&
           one.value.text.find("egressgateway") != std::string::npos;
  });
}

class Changer {
 public:
  Changer(const Manifest& manifest, const Workload& owner, const std::string& ns)
      : root_(manifest.root), kind_(manifest.object.kind), owner_(owner), ns_(ns) {}

  std::vector<std::string> run(const Model& model) {
    Node* spec = child(root_, "spec");
    if (spec == nullptr) return {};
    const bool at_gateway = !owner_.gateway.empty() && ns_ == owner_.gateway;
    if (kind_ == "Gateway") gateway_selector(*spec, "selector");
    if (kind_ == "Sidecar") sidecar(*spec, model);
    if (kind_ == "NetworkPolicy") network_policy(*spec);
    if (kind_ == "AuthorizationPolicy" || kind_ == "PeerAuthentication" || kind_ == "RequestAuthentication") {
      if (Node* selector = child(*spec, "selector")) {
        if (at_gateway)
          gateway_selector(*selector, "matchLabels");
        else if (remove(*spec, "selector"))
          changes_.emplace_back("spec.selector is left out: the probe plays the workload that it selects");
      }
    }
    if (kind_ == "DestinationRule") trust(*spec);
    accounts(root_);
    return std::move(changes_);
  }

  Node root_;

 private:
  void gateway_selector(Node& parent, const std::string& key) {
    Node* labels = child(parent, key);
    if (labels == nullptr || owner_.gateway.empty() || selects_gateway(*labels, owner_.gateway)) return;
    *labels = map_node({{"istio", text_node(owner_.gateway)}});
    changes_.push_back("the selector is {istio: " + owner_.gateway + "}: the label of the lab's gateway");
  }

  void sidecar(Node& spec, const Model& model) {
    if (remove(spec, "workloadSelector"))
      changes_.emplace_back("spec.workloadSelector is left out: the probe plays the workload that it selects");
    if (owner_.decided_by != "meshConfig" || child(spec, "outboundTrafficPolicy") != nullptr) return;
    put(spec, "outboundTrafficPolicy", map_node({{"mode", text_node("REGISTRY_ONLY")}}));
    changes_.push_back("outboundTrafficPolicy is that of meshConfig (" + to_string(*model.mesh_registry_only) + ")");
  }

  void network_policy(Node& spec) {
    if (Node* selector = child(spec, "podSelector"); selector != nullptr && !selector->entries.empty()) {
      *selector = map_node({});
      changes_.emplace_back("spec.podSelector is {}: the probe plays the pods that it selects");
    }
    Node* egress = child(spec, "egress");
    if (egress == nullptr || owner_.gateway.empty()) return;
    for (Node& rule : egress->items) {
      Node* to = child(rule, "to");
      if (to == nullptr) continue;
      for (Node& peer : to->items)
        if (Node* selector = child(peer, "podSelector"))
          if (const Node* labels = child(*selector, "matchLabels"); labels != nullptr && names_a_gateway(*labels))
            gateway_selector(*selector, "matchLabels");
    }
  }

  // Where TLS is originated: the lab's hosts have certificates of the lab's authority, which stands where the public
  // trust store does; they ask for no client certificate, and neither the user's files nor his Secrets are there.
  void trust(Node& node) {
    for (Node& item : node.items) trust(item);
    for (Entry& entry : node.entries) trust(entry.value);
    const Node* mode = child(node, "mode");
    if (mode == nullptr || (mode->text != "SIMPLE" && mode->text != "MUTUAL")) return;
    const bool mutual = mode->text == "MUTUAL";  // put() and remove() move what `mode` points to
    const Node* authority = child(node, "caCertificates");
    if (authority == nullptr || authority->text != lab_authority) {
      const std::string was = authority == nullptr ? "" : " (was " + authority->text + ")";
      put(node, "caCertificates", text_node(lab_authority));
      changes_.push_back("caCertificates is " + std::string(lab_authority) + was +
                         ": the lab's hosts have its certificates");
    }
    if (remove(node, "credentialName")) changes_.emplace_back("tls.credentialName is left out: the lab has no Secrets");
    if (!mutual) return;
    *child(node, "mode") = text_node("SIMPLE");
    for (const char* key : {"clientCertificate", "privateKey"}) remove(node, key);
    changes_.emplace_back("tls.mode is SIMPLE, not MUTUAL: the lab's hosts ask for no client certificate");
  }

  // The lab's workload runs as the service account `default`.
  void accounts(Node& node) {
    for (Node& item : node.items) accounts(item);
    for (Entry& entry : node.entries) accounts(entry.value);
    if (node.kind != Node::Kind::scalar) return;
    const std::string mark = "/ns/" + owner_.ns + "/sa/";
    const std::size_t at = node.text.find(mark);
    if (at == std::string::npos || node.text.ends_with("/sa/default") || node.text.ends_with("*")) return;
    changes_.push_back("'" + node.text + "' is the account `default`: as that the probe runs");
    node.text = node.text.substr(0, at + mark.size()) + "default";
    node.plain = false;
  }

  std::string kind_;
  const Workload& owner_;
  std::string ns_;
  std::vector<std::string> changes_;
};

struct Placed {
  const Manifest* manifest = nullptr;
  std::size_t owner = 0;
  std::optional<CopiedObject> changed;
  Node root = {};  // as it is copied
  bool dropped = false;
};

class Placer {
 public:
  Placer(const Manifests& manifests, const Model& model, const std::string& default_ns)
      : manifests_(manifests), model_(model), default_ns_(default_ns) {}

  std::vector<PolicySet> run() {
    for (const Workload& one : model_.workloads) sets_.push_back({one.ns, {}, {}});
    if (sets_.empty()) return {};
    for (const Manifest& one : manifests_.all) place(one);
    keep_files_together();
    for (std::size_t i = 0; i < sets_.size(); ++i) add_default(i);
    return std::move(sets_);
  }

 private:
  [[nodiscard]] std::size_t owner_of(const std::string& ns) const {
    for (std::size_t i = 0; i < model_.workloads.size(); ++i)
      if (model_.workloads[i].ns == ns || model_.workloads[i].gateway == ns) return i;
    return 0;
  }

  [[nodiscard]] bool is_general_sidecar_beside_another(const Manifest& one, const std::string& ns) const {
    if (one.object.kind != "Sidecar" || node_at(one.root, {"spec", "workloadSelector"}) != nullptr) return false;
    return std::any_of(manifests_.all.begin(), manifests_.all.end(), [&](const Manifest& other) {
      return other.object.kind == "Sidecar" && effective_ns(other.object, default_ns_) == ns &&
             node_at(other.root, {"spec", "workloadSelector"}) != nullptr;
    });
  }

  void place(const Manifest& one) {
    Placed placed;
    placed.manifest = &one;
    const std::string ns = effective_ns(one.object, default_ns_);
    placed.owner = owner_of(ns);
    const Workload& owner = model_.workloads[placed.owner];
    placed.dropped = !is_applied(one.object) || &one == model_.root_sidecar ||
                     (ns == owner.ns && is_general_sidecar_beside_another(one, ns));
    if (!placed.dropped) {
      Changer changer(one, owner, ns);
      std::vector<std::string> changes = changer.run(model_);
      placed.root = changer.root_;
      if (!changes.empty()) {
        scenario::PolicyObject object = one.object;
        object.yaml = to_yaml(changer.root_);
        placed.changed = CopiedObject{std::move(object), std::move(changes)};
      }
    }
    by_file_[one.object.at.file].push_back(std::move(placed));
  }

  // A file is referenced if all that it holds goes to one profile as it stands.
  void keep_files_together() {
    for (const std::string& file : manifests_.files) {
      const auto& placed = by_file_[file];
      const auto applied = [](const Placed& one) { return !one.dropped; };
      if (std::none_of(placed.begin(), placed.end(), applied)) continue;
      const bool aside = std::any_of(manifests_.asides.begin(), manifests_.asides.end(),
                                     [&](const Aside& one) { return one.at.file == file; });
      const bool whole = !aside && std::all_of(placed.begin(), placed.end(), [&](const Placed& one) {
        return !one.dropped && !one.changed && one.manifest->whole_document && one.owner == placed.front().owner &&
               (!one.manifest->object.ns.empty() || sets_[one.owner].ns == default_ns_);
      });
      if (whole) {
        sets_[placed.front().owner].references.push_back(file);
        continue;
      }
      for (const Placed& one : placed) {
        if (one.dropped) continue;
        CopiedObject copy = one.changed ? *one.changed : CopiedObject{one.manifest->object, {}};
        copy.object.ns = one.manifest->object.ns;
        if (copy.object.ns.empty() && sets_[one.owner].ns != default_ns_) give_namespace(copy, one.root);
        sets_[one.owner].copies.push_back(std::move(copy));
      }
    }
  }

  void give_namespace(CopiedObject& copy, Node root) const {
    put(*child(root, "metadata"), "namespace", text_node(default_ns_));
    copy.object.ns = default_ns_;
    copy.object.yaml = to_yaml(root);
  }

  // What the root namespace or meshConfig says for all is said in each workload's own namespace: to the same effect,
  // and a run knows by it which way its canary must turn.
  void add_default(std::size_t i) {
    const Workload& workload = model_.workloads[i];
    if (workload.stated) return;
    if (model_.root_sidecar != nullptr) {
      Node root = model_.root_sidecar->root;
      put(*child(root, "metadata"), "namespace", text_node(workload.ns));
      CopiedObject copy{model_.root_sidecar->object, {"the root namespace's default, for namespace " + workload.ns}};
      Changer changer(*model_.root_sidecar, workload, workload.ns);
      changer.root_ = root;
      for (std::string& change : changer.run(model_)) copy.changes.push_back(std::move(change));
      copy.object.ns = workload.ns;
      copy.object.yaml = to_yaml(changer.root_);
      sets_[i].copies.push_back(std::move(copy));
    } else if (model_.mesh_registry_only) {
      const Node root = map_node(
          {{"apiVersion", text_node("networking.istio.io/v1")},
           {"kind", text_node("Sidecar")},
           {"metadata", map_node({{"name", text_node("mesh-default")}, {"namespace", text_node(workload.ns)}})},
           {"spec", map_node({{"outboundTrafficPolicy", map_node({{"mode", text_node("REGISTRY_ONLY")}})}})}});
      sets_[i].copies.push_back({{"networking.istio.io/v1", "Sidecar", "mesh-default", workload.ns, to_yaml(root),
                                  *model_.mesh_registry_only},
                                 {"stands for meshConfig.outboundTrafficPolicy"}});
    }
  }

  const Manifests& manifests_;
  const Model& model_;
  const std::string& default_ns_;
  std::map<std::string, std::vector<Placed>> by_file_;
  std::vector<PolicySet> sets_;
};

}  // namespace

std::vector<PolicySet> policy_sets(const Manifests& manifests, const Model& model, const std::string& default_ns) {
  return Placer(manifests, model, default_ns).run();
}

}  // namespace egressproof::draft
