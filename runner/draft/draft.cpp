#include "runner/draft/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "runner/draft/holes.h"
#include "runner/draft/internet.h"
#include "runner/draft/rows.h"
#include "runner/scenario/scalars.h"

namespace egressproof::draft {
namespace {

constexpr std::size_t longest_profile_name = 40;
constexpr const char* vantage_profile = "outside";
constexpr const char* vantage_ns = "egressproof-outside";

std::map<std::string, std::string> profile_names(const Model& model) {
  std::map<std::string, std::string> names;
  std::set<std::string> taken{vantage_profile};
  for (const Workload& one : model.workloads) {
    std::string name = one.ns.substr(0, longest_profile_name);
    for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}", one.ns.substr(0, 36), i);
    names[one.ns] = name;
  }
  return names;
}

std::string joined(const std::vector<std::string>& texts, const std::string& between) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : between) + text;
  return all;
}

void add_new(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

std::string flow_map(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::vector<std::string> parts;
  parts.reserve(entries.size());
  for (const auto& [key, value] : entries) parts.push_back(key + ": " + value);
  return "{" + joined(parts, ", ") + "}";
}

// A listing's VIP is what a client dials.
void put_dialled(const Model& model, const Workload& workload, const Internet& internet, std::string& text) {
  std::map<std::string, std::string> dialled;
  for (const Listing& one : model.listings) {
    const Seen seen = seen_by(model, one, workload);
    if (one.resolution == "NONE" || one.wildcard() || one.addresses.size() != 1 || seen == Seen::no ||
        seen == Seen::leaked)
      continue;
    if (const auto address = scenario::canonical_address(one.addresses.front());
        address && !scenario::is_ipv6(*address))
      dialled[internet.fixture_of(one.host)] = *address;
  }
  if (dialled.empty()) return;
  text += "    dialled:  # the VIP that a client gets for the host\n";
  for (const auto& [fixture, address] : dialled) text += fmt::format("      {}: {}\n", fixture, address);
}

// Where a connection without a name ends: at the host of the one TCP port without a VIP.
void put_roles(const Model& model, const Workload& workload, const Internet& internet, std::string& text) {
  for (const Listing& one : model.listings) {
    const Seen seen = seen_by(model, one, workload);
    const bool tcp =
        std::any_of(one.ports.begin(), one.ports.end(), [](const Port& port) { return port.wire == Wire::tcp; });
    if (!tcp || one.wildcard() || !one.addresses.empty() || seen == Seen::no || seen == Seen::leaked) continue;
    text += fmt::format("    roles:\n      allowed: {{name: {}, fixture: {}}}\n", quoted(one.host),
                        internet.fixture_of(one.host));
    return;
  }
}

std::string profiles_yaml(const Draft& draft, const Model& model, const Options& options, const Internet& internet) {
  std::string text = fmt::format(
      "# One profile a workload, with the policies that its namespace has. Drafted from {}.\n"
      "apiVersion: egressproof/v1\nkind: Profiles\nprofiles:\n"
      "  - name: {}\n    title: no mesh, no policies (the vantage of the positive controls)\n    namespace: {}\n"
      "    mesh: none\n    vantage: true\n",
      options.source, vantage_profile, vantage_ns);
  for (std::size_t i = 0; i < model.workloads.size(); ++i) {
    const Workload& one = model.workloads[i];
    const std::string title =
        one.named.empty() ? "namespace " + one.ns : "namespace " + one.ns + ": " + joined(one.named, ", ");
    text += fmt::format("  - name: {}\n    title: {}\n    namespace: {}\n", draft.profiles.at(one.ns), quoted(title),
                        one.ns);
    if (!one.gateway.empty()) text += "    gateway: " + one.gateway + "\n";
    const PolicySet& set = draft.policies[i];
    if (!set.references.empty() || !set.copies.empty()) text += "    policies:\n";
    for (const std::string& file : set.references) {
      const auto named = options.referenced_as.find(file);
      text += "      - " + quoted(named == options.referenced_as.end() ? file : named->second) + "\n";
    }
    if (!set.copies.empty()) text += "      - policies/" + draft.profiles.at(one.ns) + ".yaml\n";
    put_roles(model, one, internet, text);
    put_dialled(model, one, internet, text);
  }
  return text;
}

std::string policies_yaml(const PolicySet& set) {
  std::string text =
      "# Copied, not referenced: their files hold more than this profile's policies, or something had to be changed.\n"
      "# `egressproof init --force` copies them anew.\n";
  for (const CopiedObject& one : set.copies) {
    text += "---\n# from " + place_of(one.object.at) + "\n";
    for (const std::string& change : one.changes) text += "# changed: " + change + "\n";
    text += one.object.yaml;
    if (!text.ends_with('\n')) text += '\n';
  }
  return text;
}

void put_case(const Row& row, std::string& text) {
  text += fmt::format("  {}:\n    title: {}\n    attempt: {}\n", row.id, quoted(row.title), flow_map(row.attempt));
  if (!row.control.empty()) text += "    control: " + flow_map(row.control) + "\n";
  if (!row.target.empty()) text += "    target: " + row.target + "\n";
  if (!row.target_host.empty()) text += "    target-host: " + quoted(row.target_host) + "\n";
  if (row.past_sidecar) text += "    identity: {uid: 1337, gid: 1000}\n";
  if (row.bypass) text += "    tags: [bypass]\n";
  text += "    reference: " + row.reference + "\n";
  std::vector<std::string> why;
  std::vector<std::string> fix;
  for (const auto& [profile, cell] : row.cells) {
    add_new(why, profile + ": " + cell.follows);
    for (const Cause& cause : cell.causes) {
      // What may be in the way of something allowed is told only when it is.
      if (cell.code == 'A') continue;
      add_new(why, std::string(hole(cause.hole).why));
      add_new(fix, fmt::format("{} ({}): {}", cause.object, place_of(cause.at), hole(cause.hole).fix));
    }
  }
  text += "    why: " + quoted(joined(why, "; ")) + "\n";
  if (!fix.empty()) text += "    fix: " + quoted(joined(fix, "; ")) + "\n";
}

std::string topic_yaml(const Topic& topic, const std::vector<std::string>& profiles, const std::string& source) {
  std::string text = fmt::format(
      "# Drafted from {}; yours to edit. A allow, D deny, R reroute (the listed host gets it), L known leak, . "
      "nothing.\n"
      "apiVersion: egressproof/v1\nkind: Scenario\nname: {}\ntitle: {}\nrequirement: {}\nprofiles: [{}]\nexpect:\n",
      source, topic.name, quoted(topic.title), quoted(topic.requirement), joined(profiles, ", "));
  for (const Row& row : topic.rows) {
    std::vector<std::string> codes;
    for (const std::string& profile : profiles) {
      const auto found = row.cells.find(profile);
      codes.emplace_back(1, found == row.cells.end() ? '.' : found->second.code);
      if (found != row.cells.end())
        text += fmt::format("  # {} {}: {}\n", profile, found->second.code, found->second.follows);
    }
    text += fmt::format("  {}: [{}]\n", row.id, joined(codes, ", "));
  }
  text += "cases:\n";
  for (const Row& row : topic.rows) put_case(row, text);
  return text;
}

Result<void> check_matrix(const Matrix& matrix, const Model& model) {
  std::vector<std::string> known;
  for (const Workload& one : model.workloads) known.push_back(one.ns);
  for (const auto& [ns, at] : matrix.named_at) {
    if (std::find(known.begin(), known.end(), ns) != known.end()) continue;
    const auto close = nearest(ns, known);
    return fail(ErrorKind::scenario, to_string(at) + ": no workload in namespace '" + ns + "'" +
                                         (close ? " (did you mean '" + *close + "'?)" : ""));
  }
  return {};
}

}  // namespace

const Cell* Draft::cell(const std::string& scenario, const std::string& case_id, const std::string& profile) const {
  for (const Topic& topic : topics) {
    if (topic.name != scenario) continue;
    for (const Row& row : topic.rows)
      if (row.id == case_id)
        if (const auto found = row.cells.find(profile); found != row.cells.end()) return &found->second;
  }
  return nullptr;
}

Result<Draft> make_draft(const Manifests& manifests, const Model& model, const Options& options) {
  if (model.workloads.empty())
    return fail(ErrorKind::scenario,
                options.source + ": no workload and no ServiceEntry, so that there is nothing to try");
  if (options.matrix != nullptr)
    if (auto fits = check_matrix(*options.matrix, model); !fits) return tl::unexpected(fits.error());
  Draft draft;
  draft.profiles = profile_names(model);
  draft.policies = policy_sets(manifests, model, options.default_ns);
  Internet internet(model);
  draft.topics = Rows(model, options, internet, draft.profiles).make();
  if (internet.full()) return fail(ErrorKind::scenario, "more hosts than documentation addresses: draft them in parts");
  std::vector<std::string> profiles;
  for (std::size_t i = 0; i < model.workloads.size(); ++i) {
    profiles.push_back(draft.profiles.at(model.workloads[i].ns));
    if (!draft.policies[i].copies.empty())
      draft.files["policies/" + profiles.back() + ".yaml"] = policies_yaml(draft.policies[i]);
  }
  draft.files["fixtures.yaml"] = internet.to_yaml();
  draft.files["profiles.yaml"] = profiles_yaml(draft, model, options, internet);
  for (const Topic& topic : draft.topics)
    draft.files[topic.name + ".yaml"] = topic_yaml(topic, profiles, options.source);
  return draft;
}

}  // namespace egressproof::draft
