#include "runner/policy/manifests.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "runner/policy/network_policy_split.h"
#include "runner/policy/sidecar_scope.h"
#include "runner/scenario/workload.h"
#include "runner/scenario/yaml_tree.h"

namespace egressproof::policy {
namespace {

using scenario::Node;
using scenario::PolicyObject;
using scenario::Profile;

// kubectl's -n does not apply to these; what it would learn from the API server's discovery.
bool is_cluster_scoped(const std::string& kind) {
  static constexpr std::array<std::string_view, 20> kinds{"APIService",
                                                          "AdminNetworkPolicy",
                                                          "BaselineAdminNetworkPolicy",
                                                          "ClusterNetworkPolicy",
                                                          "ClusterRole",
                                                          "ClusterRoleBinding",
                                                          "CustomResourceDefinition",
                                                          "GatewayClass",
                                                          "GlobalNetworkPolicy",
                                                          "IngressClass",
                                                          "MutatingWebhookConfiguration",
                                                          "Namespace",
                                                          "Node",
                                                          "PersistentVolume",
                                                          "PriorityClass",
                                                          "RuntimeClass",
                                                          "StorageClass",
                                                          "ValidatingAdmissionPolicy",
                                                          "ValidatingAdmissionPolicyBinding",
                                                          "ValidatingWebhookConfiguration"};
  for (const std::string_view one : kinds)
    if (one == kind) return true;
  return false;
}

// The one document of an object's text; a null node if it is none.
Node root_of(const PolicyObject& object) {
  scenario::ParsedYaml parsed = scenario::parse_yaml(object.at.file, object.yaml);
  if (!parsed.problems.empty() || parsed.documents.size() != 1) return {};
  return std::move(parsed.documents.front().root);
}

std::string namespace_of(const PolicyObject& object, const Profile& profile) {
  if (!object.ns.empty() || is_cluster_scoped(object.kind)) return object.ns;
  return profile.ns;
}

// As text: an emitter would lose quotes, and with them types ("8443" would become a number).
Result<std::string> with_namespace(const PolicyObject& object, const std::string& ns) {
  const auto give_up = [&] {
    return fail(ErrorKind::scenario, to_string(object.at) + ": cannot put a namespace into the metadata of " +
                                         object.kind + " '" + object.name + "'; write metadata as a plain map");
  };
  const Node root = root_of(object);
  const Node* metadata = scenario::find(root, "metadata");
  if (metadata == nullptr || metadata->entries.empty()) return give_up();
  std::string yaml = object.yaml;
  const std::size_t at = metadata->entries.front().key.offset;
  if (const Node* empty = scenario::find(*metadata, "namespace")) {
    if (empty->kind != Node::Kind::scalar || empty->plain) return give_up();
    yaml.replace(empty->offset, 2, "\"" + ns + "\"");  // was ""
  } else if (metadata->flow) {
    yaml.insert(at, "\"namespace\": \"" + ns + "\", ");
  } else {
    const std::size_t line = yaml.rfind('\n', at) + 1;  // npos + 1 is 0
    yaml.insert(at, "namespace: \"" + ns + "\"\n" + std::string(at - line, ' '));
  }
  PolicyObject changed = object;
  changed.yaml = yaml;
  const Node changed_root = root_of(changed);
  const Node* changed_metadata = scenario::find(changed_root, "metadata");
  if (changed_metadata == nullptr) return give_up();
  const Node* name = scenario::find(*changed_metadata, "name");
  const Node* found = scenario::find(*changed_metadata, "namespace");
  if (name == nullptr || name->text != object.name || found == nullptr || found->text != ns) return give_up();
  return yaml;
}

std::string group_of(const std::string& api_version) {
  const std::size_t slash = api_version.find('/');
  return slash == std::string::npos ? "" : api_version.substr(0, slash);
}

// The labels of a Sidecar's workloadSelector; empty: it is the namespace's default.
std::map<std::string, std::string> selector_of(const Node& spec) {
  std::map<std::string, std::string> wanted;
  const Node* selector = scenario::find(spec, "workloadSelector");
  const Node* labels = selector == nullptr ? nullptr : scenario::find(*selector, "labels");
  if (labels != nullptr)
    for (const scenario::Entry& entry : labels->entries) wanted[entry.key.text] = entry.value.text;
  return wanted;
}

bool selects(const std::map<std::string, std::string>& wanted, const std::map<std::string, std::string>& labels) {
  return std::includes(labels.begin(), labels.end(), wanted.begin(), wanted.end());
}

bool is_registry_only(const Node& spec) {
  const Node* policy = scenario::find(spec, "outboundTrafficPolicy");
  if (policy == nullptr || policy->kind != Node::Kind::map) return false;
  const Node* mode = scenario::find(*policy, "mode");
  // REGISTRY_ONLY is the enumeration's zero, so a policy without mode means it.
  return mode == nullptr || mode->kind == Node::Kind::null || mode->text == "REGISTRY_ONLY";
}

bool is_own_sidecar(const PolicyObject& object, const Profile& profile) {
  return (object.ns.empty() || object.ns == profile.ns) && object.kind == "Sidecar" &&
         group_of(object.api_version) == "networking.istio.io";
}

// Whether there is a default deny, whatever becomes of it.
bool has_default_deny(const Profile& profile) {
  return std::any_of(profile.policies.begin(), profile.policies.end(), [&](const PolicyObject& object) {
    if (!is_own_sidecar(object, profile)) return false;
    const Node root = root_of(object);
    const Node* spec = scenario::find(root, "spec");
    return spec != nullptr && selector_of(*spec).empty() && is_registry_only(*spec);
  });
}

}  // namespace

Result<std::string> manifests(const std::vector<Profile>& profiles, Scope scope) {
  struct Seen {
    Location at;
    const Profile* by = nullptr;
  };
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Seen> seen;
  std::string all;
  for (const Profile& profile : profiles) {
    if (profile.default_deny_overridden && !has_default_deny(profile))
      return fail(ErrorKind::scenario, to_string(profile.at) + ": profile '" + profile.name +
                                           "' says that its default deny is overridden, but no Sidecar without "
                                           "workloadSelector in its policies is REGISTRY_ONLY");
    if (profile.network_policy_overridden && !isolates_egress(profile))
      return fail(ErrorKind::scenario, to_string(profile.at) + ": profile '" + profile.name +
                                           "' says that its NetworkPolicy is overridden, but none in its policies is "
                                           "for egress of its workload");
    for (const PolicyObject& written : profile.policies) {
      PolicyObject object = written;
      if (scope == Scope::with_harness_hosts) {
        auto scoped = with_harness_hosts(written);
        if (!scoped) return scoped;
        object.yaml = std::move(*scoped);
      }
      const std::string ns = namespace_of(object, profile);
      const auto [earlier, is_new] =
          seen.try_emplace({group_of(object.api_version), object.kind, ns, object.name}, Seen{object.at, &profile});
      // One namespace of several profiles gets it once.
      if (!is_new && to_string(earlier->second.at) == to_string(object.at) && earlier->second.by->ns == profile.ns &&
          earlier->second.by != &profile)
        continue;
      if (!is_new)
        return fail(ErrorKind::scenario, to_string(object.at) + ": " + object.kind + " '" + object.name +
                                             "' is applied twice" + (ns.empty() ? "" : " to namespace '" + ns + "'") +
                                             "; the first is at " + to_string(earlier->second.at));
      std::string yaml = object.yaml;
      if (ns != object.ns) {
        auto changed = with_namespace(object, ns);
        if (!changed) return changed;
        yaml = std::move(*changed);
      }
      if (!yaml.starts_with("---")) all += "---\n";
      all += yaml;
      if (!all.ends_with('\n')) all += '\n';
    }
  }
  return all;
}

Result<std::string> changed_manifests(const std::vector<Profile>& profiles, Scope scope) {
  std::vector<Profile> changed = profiles;
  for (Profile& profile : changed) {
    const auto is_revoked = [&](const PolicyObject& object) {
      return std::any_of(profile.revoked.begin(), profile.revoked.end(), [&](const PolicyObject& one) {
        return one.kind == object.kind && one.name == object.name && one.ns == object.ns;
      });
    };
    std::erase_if(profile.policies, is_revoked);
    profile.policies.insert(profile.policies.end(), profile.added.begin(), profile.added.end());
  }
  return manifests(changed, scope);
}

bool default_deny(const Profile& profile) {
  if (profile.mesh == scenario::Mesh::none || profile.default_deny_overridden) return false;
  const auto labels = scenario::pod_labels(profile);
  bool denies = false;
  for (const PolicyObject& object : profile.policies) {
    if (!is_own_sidecar(object, profile)) continue;
    const Node root = root_of(object);
    const Node* spec = scenario::find(root, "spec");
    if (spec == nullptr) continue;
    const auto selector = selector_of(*spec);
    // One that selects the workload goes before the namespace's default.
    if (!selector.empty() && selects(selector, labels)) return is_registry_only(*spec);
    if (selector.empty()) denies = denies || is_registry_only(*spec);
  }
  return denies;
}

}  // namespace egressproof::policy
