#include "runner/policy/network_policy_split.h"

#include <algorithm>

#include "runner/scenario/workload.h"
#include "runner/scenario/yaml_tree.h"

namespace egressproof::policy {
namespace {

constexpr std::string_view group = "networking.k8s.io/";

std::string text_of(const scenario::Node& map, std::string_view key) {
  const scenario::Node* found = scenario::find(map, key);
  return found == nullptr ? "" : found->text;
}

}  // namespace

bool is_network_policy(const scenario::PolicyObject& object) {
  return object.kind == "NetworkPolicy" && object.api_version.starts_with(group);
}

Result<SplitManifests> split_network_policies(const std::string& manifests) {
  const scenario::ParsedYaml parsed = scenario::parse_yaml("manifests", manifests);
  if (!parsed.problems.empty())
    return fail(ErrorKind::scenario, to_string(parsed.problems.front().at) + ": " + parsed.problems.front().message);
  SplitManifests split;
  for (const scenario::Document& document : parsed.documents) {
    scenario::PolicyObject object;
    object.yaml = parsed.text.substr(document.begin, document.end - document.begin);
    object.at = document.root.at;
    object.kind = text_of(document.root, "kind");
    object.api_version = text_of(document.root, "apiVersion");
    if (!is_network_policy(object)) {
      split.others += (object.yaml.starts_with("---") ? "" : "---\n") + object.yaml;
      if (!split.others.ends_with('\n')) split.others += '\n';
      continue;
    }
    auto policy = parse_network_policy(object, "default");
    if (!policy) return tl::unexpected(policy.error());
    split.network_policies.push_back(std::move(*policy));
  }
  return split;
}

Result<std::vector<NetworkPolicy>> network_policies(const scenario::Profile& profile) {
  std::vector<NetworkPolicy> own;
  for (const scenario::PolicyObject& object : profile.policies) {
    if (!is_network_policy(object)) continue;
    auto policy = parse_network_policy(object, profile.ns);
    if (!policy) return tl::unexpected(policy.error());
    if (policy->ns == profile.ns) own.push_back(std::move(*policy));
  }
  return own;
}

bool isolates_egress(const scenario::Profile& profile) {
  const auto own = network_policies(profile);
  // In a namespace of one workload a policy that does not select it is a mistake, which the canaries must show.
  const Pod pod{profile.ns, "", scenario::pod_labels(profile), {}, {}};
  return !own || std::any_of(own->begin(), own->end(), [&](const NetworkPolicy& policy) {
    return profile.workload.empty() ? policy.egress : applies(policy, pod, PolicyType::egress);
  });
}

}  // namespace egressproof::policy
