#include <algorithm>
#include <filesystem>
#include <set>

#include "runner/scenario/kinds.h"
#include "runner/scenario/names.h"
#include "runner/scenario/pod_template.h"
#include "runner/scenario/scalars.h"

namespace egressproof::scenario {
namespace {

bool is_profile_name(std::string_view name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

void read_name(Problems& problems, MapReader& map, const Suite& suite, Profile& profile) {
  const Node* node = map.take("name", Need::required);
  if (node == nullptr) return;
  const auto name = read_text(problems, *node, "'name'");
  if (!name) return;
  profile.name = *name;
  if (!is_profile_name(*name))
    problems.add(node->at, "'" + *name + "' cannot be a profile's name: letters, digits and '-'");
  for (const Profile& other : suite.profiles)
    if (other.name == *name)
      problems.add(node->at, "a second profile '" + *name + "'; the first is at " + to_string(other.at));
}

void read_namespace(Problems& problems, MapReader& map, const Suite& suite, Profile& profile) {
  profile.ns = "tenant-" + folded_name(profile.name);
  Location at = profile.at;
  if (const Node* node = map.take("namespace")) {
    at = node->at;
    profile.ns = read_text(problems, *node, "'namespace'").value_or(profile.ns);
    if (!is_dns_label(profile.ns)) problems.add(at, "'" + profile.ns + "' cannot be a namespace of Kubernetes");
  }
  for (const Profile& other : suite.profiles) {
    if (other.ns != profile.ns || other.name == profile.name) continue;
    const std::string place = "profile '" + other.name + "' (" + to_string(other.at) + ")";
    if (profile.workload.empty() || other.workload.empty())
      problems.add(at, "namespace '" + profile.ns + "' is already that of " + place,
                   "to share it, each profile needs a 'workload'");
    else if (profile.workload == other.workload)
      problems.add(at,
                   "namespace '" + profile.ns + "' has the workload '" + profile.workload + "' already, of " + place);
  }
}

void read_workload(Problems& problems, MapReader& map, Profile& profile) {
  read_kubernetes_name(problems, map, "workload", profile.workload);
  read_kubernetes_name(problems, map, "service-account", profile.service_account);
  profile.labels = read_own_labels(problems, map, "labels");
  profile.service_labels = read_own_labels(problems, map, "service-labels");
}

// What is applied is applied to the namespace, whoever of its workloads is looked at.
void check_shared(Problems& problems, const Suite& suite, const Profile& profile) {
  for (const Profile& other : suite.profiles) {
    if (other.ns != profile.ns) continue;
    const std::string place = " profile '" + other.name + "' (" + to_string(other.at) + "), whose namespace it shares";
    if (other.policy_files != profile.policy_files) problems.add(profile.at, "'policies' must be those of" + place);
    if (other.gateway != profile.gateway) problems.add(profile.at, "'gateway' must be that of" + place);
    if (other.mesh != profile.mesh) problems.add(profile.at, "'mesh' must be that of" + place);
  }
}

void read_gateway(Problems& problems, MapReader& map, const Suite& suite, Profile& profile) {
  const Node* node = map.take("gateway");
  if (node == nullptr) return;
  const auto ns = read_text(problems, *node, "'gateway'");
  if (!ns) return;
  profile.gateway = *ns;
  if (!is_dns_label(*ns)) problems.add(node->at, "'" + *ns + "' cannot be a namespace of Kubernetes");
  if (profile.mesh == Mesh::none) problems.add(node->at, "a profile without mesh cannot have a gateway");
  if (*ns == profile.ns) problems.add(node->at, "the gateway needs a namespace other than the workload's");
  for (const Profile& other : suite.profiles)
    if (other.ns == *ns || (other.gateway == *ns && other.ns != profile.ns))
      problems.add(node->at, "namespace '" + *ns + "' is already that of profile '" + other.name + "' (" +
                                 to_string(other.at) + ")");
}

void read_mesh(Problems& problems, MapReader& map, Profile& profile) {
  const Node* node = map.take("mesh");
  if (node == nullptr) return;
  const auto mesh = read_text(problems, *node, "'mesh'");
  if (!mesh) return;
  if (*mesh == "none")
    profile.mesh = Mesh::none;
  else if (*mesh != "sidecar")
    problems.add(node->at, "'mesh' must be 'none' or 'sidecar', not '" + *mesh + "'",
                 did_you_mean(*mesh, {"none", "sidecar"}));
}

// What `key` denies is expected to be undone. That there is something is checked where manifests are understood
// (policy::manifests).
void read_overridden(Problems& problems, const Node& node, const std::string& key, bool& overridden) {
  const auto text = read_text(problems, node, "'" + key + "'");
  if (!text) return;
  overridden = *text == "overridden";
  if (!overridden)
    problems.add(node.at,
                 "'" + key + "' can only be 'overridden', not '" + *text + "'; without the key it must be in force",
                 did_you_mean(*text, {"overridden"}));
}

void read_what_is_overridden(Problems& problems, MapReader& map, Profile& profile) {
  if (const Node* node = map.take("default-deny")) {
    read_overridden(problems, *node, "default-deny", profile.default_deny_overridden);
    if (profile.mesh == Mesh::none) problems.add(node->at, "a profile without mesh has no default deny");
  }
  if (const Node* node = map.take("network-policy"))
    read_overridden(problems, *node, "network-policy", profile.network_policy_overridden);
}

void read_policies(Problems& problems, MapReader& map, PolicyFiles& files, Profile& profile) {
  const Node* node = map.take("policies");
  if (node == nullptr) return;
  const std::filesystem::path folder = std::filesystem::path(profile.at.file).parent_path();
  for (const PlacedText& item : read_texts(problems, *node, "'policies'")) {
    const std::string path = (folder / item.text).lexically_normal().string();
    if (std::find(profile.policy_files.begin(), profile.policy_files.end(), path) != profile.policy_files.end()) {
      problems.add(item.at, "'" + item.text + "' stands here twice");
      continue;
    }
    if (!files.contains(path)) files[path] = read_policy_file(problems, path, item.at);
    profile.policy_files.push_back(path);
    profile.policies.insert(profile.policies.end(), files[path].begin(), files[path].end());
  }
}

// `change`: {revoke: [KIND/NAME], add: [FILE]}.
void read_change(Problems& problems, MapReader& map, PolicyFiles& files, Profile& profile) {
  const Node* node = map.take("change");
  if (node == nullptr) return;
  MapReader change(problems, *node, "'change'");
  std::vector<std::string> known;
  for (const PolicyObject& object : profile.policies) known.push_back(object.kind + "/" + object.name);
  if (const Node* revoke = change.take("revoke"))
    for (const PlacedText& item : read_texts(problems, *revoke, "'revoke'")) {
      const auto found = std::find(known.begin(), known.end(), item.text);
      if (found == known.end())
        problems.add(item.at, "no object '" + item.text + "' (KIND/NAME) in the profile's policies",
                     did_you_mean(item.text, known));
      else
        profile.revoked.push_back(profile.policies[static_cast<std::size_t>(found - known.begin())]);
    }
  const std::filesystem::path folder = std::filesystem::path(profile.at.file).parent_path();
  if (const Node* add = change.take("add"))
    for (const PlacedText& item : read_texts(problems, *add, "'add'")) {
      const std::string path = (folder / item.text).lexically_normal().string();
      if (!files.contains(path)) files[path] = read_policy_file(problems, path, item.at);
      profile.added.insert(profile.added.end(), files[path].begin(), files[path].end());
    }
  if (!change.has("revoke") && !change.has("add"))
    problems.add(node->at, "'change' must say what to 'revoke' or to 'add'");
  change.finish();
  if (profile.vantage) problems.add(map.key_at("change"), "the vantage must be free of policies");
}

void read_dialled(Problems& problems, MapReader& map, const Known& known, const Suite& suite, Profile& profile) {
  const Node* node = map.take("dialled");
  if (node == nullptr) return;
  for (const Entry* entry : read_entries(problems, *node, "'dialled'")) {
    const std::string& name = entry->key.text;
    if (known.fixtures && find_fixture(suite, name) == nullptr)
      problems.add(entry->key.at, "no fixture '" + name + "'", did_you_mean(name, fixture_names(suite)));
    const auto address = read_address(problems, entry->value, "'" + name + "'");
    if (!address) continue;
    for (const Fixture& other : suite.fixtures)
      if (other.name != name &&
          std::find(other.addresses.begin(), other.addresses.end(), *address) != other.addresses.end())
        problems.add(entry->value.at, "address " + *address + " is that of fixture '" + other.name + "'");
    profile.dialled[name] = *address;
  }
}

void read_profile(Problems& problems, const Node& node, const Known& known, PolicyFiles& files, Suite& suite) {
  Profile profile;
  profile.at = node.at;
  const Node* name = find(node, "name");
  const std::string what =
      name != nullptr && name->kind == Node::Kind::scalar ? "profile '" + name->text + "'" : "a profile";
  const Problems::Context context(problems, what, node.at);
  MapReader map(problems, node, "a profile");
  read_name(problems, map, suite, profile);
  map.text("title", profile.title, Need::required);
  read_workload(problems, map, profile);
  read_namespace(problems, map, suite, profile);
  read_mesh(problems, map, profile);
  read_gateway(problems, map, suite, profile);
  map.flag("vantage", profile.vantage);
  if (profile.vantage && profile.mesh != Mesh::none)
    problems.add(map.key_at("vantage"), "the vantage must be free of policies: it needs 'mesh: none'");
  if (profile.vantage && map.has("policies"))
    problems.add(map.key_at("policies"), "the vantage must be free of policies");
  read_policies(problems, map, files, profile);
  read_what_is_overridden(problems, map, profile);
  read_change(problems, map, files, profile);
  if (const Node* roles = map.take("roles")) profile.roles = read_roles(problems, *roles, known, suite);
  read_dialled(problems, map, known, suite, profile);
  map.finish();
  if (!profile.workload.empty()) check_shared(problems, suite, profile);
  if (!profile.name.empty()) suite.profiles.push_back(std::move(profile));
}

void check_fixtures_in_pods(Problems& problems, const Suite& suite) {
  std::vector<std::string> meshed;
  for (const Profile& profile : suite.profiles)
    if (profile.mesh != Mesh::none) meshed.push_back(profile.name);
  std::set<std::string> hosts;
  for (const Fixture& fixture : suite.fixtures) {
    if (fixture.pod.empty()) continue;
    if (std::find(meshed.begin(), meshed.end(), fixture.pod) == meshed.end())
      problems.add(
          fixture.at,
          "no profile '" + fixture.pod + "' with a sidecar, in whose pod fixture '" + fixture.name + "' could listen",
          did_you_mean(fixture.pod, meshed));
    if (!hosts.insert(fixture.pod).second)
      problems.add(fixture.at, "a second fixture in the pod of profile '" + fixture.pod + "'");
  }
}

void check_vantage(Problems& problems, const Node& profiles, const Suite& suite) {
  const Profile* vantage = nullptr;
  for (const Profile& profile : suite.profiles) {
    if (!profile.vantage) continue;
    if (vantage != nullptr)
      problems.add(profile.at,
                   "a second vantage; the first is profile '" + vantage->name + "' (" + to_string(vantage->at) + ")");
    else
      vantage = &profile;
  }
  if (vantage == nullptr)
    problems.add(profiles.at,
                 "no profile is the vantage ('mesh: none', 'vantage: true'), from which positive controls are sent");
}

}  // namespace

void read_profiles(Problems& problems, const Node& root, const Known& known, Suite& suite) {
  MapReader file(problems, root, "Profiles");
  file.take("apiVersion");
  file.take("kind");
  PolicyFiles files;
  if (const Node* profiles = file.take("profiles", Need::required)) {
    for (const Node& profile : read_list(problems, *profiles, "'profiles'"))
      read_profile(problems, profile, known, files, suite);
    if (profiles->kind == Node::Kind::sequence) check_vantage(problems, *profiles, suite);
  }
  if (known.fixtures) check_fixtures_in_pods(problems, suite);
  file.finish();
}

}  // namespace egressproof::scenario
