#include "runner/scenario/names.h"

#include <algorithm>

#include "runner/scenario/scalars.h"

namespace egressproof::scenario {
namespace {

bool is_below(const std::string& name, const std::string& parent) {
  return name.size() > parent.size() + 1 && name.ends_with(parent) && name[name.size() - parent.size() - 1] == '.';
}

// Among `names`, the one that answers for `name`: itself, else the longest wildcard above it.
std::optional<std::string> answering(const std::vector<std::string>& names, const std::string& name) {
  std::optional<std::string> best;
  for (const std::string& one : names) {
    if (one == name) return one;
    if (one.starts_with("*.") && is_below(name, one.substr(2)) && (!best || one.size() > best->size())) best = one;
  }
  return best;
}

std::vector<std::string> all_names(const Suite& suite) {
  std::vector<std::string> names;
  for (const Fixture& fixture : suite.fixtures)
    for (const std::string& name : fixture.names) names.push_back(folded_name(name));
  for (const Record& record : suite.records) names.push_back(folded_name(record.name));
  return names;
}

const Fixture* owner_of_value(const Suite& suite, const std::string& value) {
  for (const Fixture& fixture : suite.fixtures)
    if (fixture.name == value ||
        std::find(fixture.addresses.begin(), fixture.addresses.end(), value) != fixture.addresses.end())
      return &fixture;
  return nullptr;
}

}  // namespace

const Fixture* find_fixture(const Suite& suite, const std::string& name) {
  const auto found = std::find_if(suite.fixtures.begin(), suite.fixtures.end(),
                                  [&](const Fixture& fixture) { return fixture.name == name; });
  return found == suite.fixtures.end() ? nullptr : &*found;
}

const Role* find_role(const Suite& suite, const Profile& profile, const std::string& name) {
  for (const auto* roles : {&profile.roles, &suite.roles})
    if (const auto found = roles->find(name); found != roles->end()) return &found->second;
  return nullptr;
}

std::vector<std::string> fixture_names(const Suite& suite) {
  std::vector<std::string> names;
  names.reserve(suite.fixtures.size());
  for (const Fixture& fixture : suite.fixtures) names.push_back(fixture.name);
  return names;
}

std::vector<std::string> role_names(const Suite& suite, const Profile& profile) {
  std::vector<std::string> names;
  for (const auto* roles : {&suite.roles, &profile.roles})
    for (const auto& [name, role] : *roles) names.push_back(name);
  return names;
}

Lookup look_up(const Suite& suite, const std::string& dns_name) {
  const std::string name = folded_name(dns_name);
  if (answering(all_names(suite), name)) return Lookup::found;
  const bool in_zone = std::any_of(suite.zones.begin(), suite.zones.end(), [&](const std::string& zone) {
    return name == folded_name(zone) || is_below(name, folded_name(zone));
  });
  return in_zone ? Lookup::no_record : Lookup::no_zone;
}

const Fixture* owner_of(const Suite& suite, const std::string& dns_name) {
  const auto owner = answering(all_names(suite), folded_name(dns_name));
  if (!owner) return nullptr;
  for (const Fixture& fixture : suite.fixtures)
    for (const std::string& name : fixture.names)
      if (folded_name(name) == *owner) return &fixture;
  for (const Record& record : suite.records)
    if (folded_name(record.name) == *owner && !record.values.empty()) return owner_of_value(suite, record.values[0]);
  return nullptr;
}

std::vector<std::string> known_dns_names(const Suite& suite) {
  std::vector<std::string> names = all_names(suite);
  std::erase_if(names, [](const std::string& name) { return name.starts_with("*."); });
  return names;
}

std::vector<Placeholder> placeholders(std::string_view text) {
  constexpr std::string_view address = ".address";
  std::vector<Placeholder> found;
  for (std::size_t begin = text.find('{'); begin != std::string_view::npos; begin = text.find('{', begin + 1)) {
    const std::size_t end = text.find('}', begin);
    if (end == std::string_view::npos) break;
    std::string_view name = text.substr(begin + 1, end - begin - 1);
    const bool of_address = name.ends_with(address);
    if (of_address) name.remove_suffix(address.size());
    if (is_id(name)) found.push_back({std::string(name), of_address, begin, end - begin + 1});
  }
  return found;
}

bool names_own_service(const Profile& profile, const std::string& dns_name) {
  return std::any_of(profile.policies.begin(), profile.policies.end(), [&](const PolicyObject& object) {
    return object.kind == "Service" && object.api_version == "v1" &&
           dns_name == object.name + "." + (object.ns.empty() ? profile.ns : object.ns) + ".svc.cluster.local";
  });
}

std::string gateway_service(const Profile& profile) {
  return profile.gateway.empty() ? "" : "istio-egressgateway." + profile.gateway + ".svc.cluster.local";
}

std::optional<std::string> meaning(const Suite& suite, const Profile& profile, const Placeholder& placeholder) {
  const std::string& name = placeholder.name;
  if (name == "nonce" && !placeholder.address) return std::string(32, '0');
  const Role* role = find_role(suite, profile, name);
  if (!placeholder.address) {
    if (role != nullptr) return role->name;
    if (name == "gateway" && !profile.gateway.empty()) return gateway_service(profile);
    return std::nullopt;
  }
  const Fixture* fixture = find_fixture(suite, role != nullptr ? role->fixture : name);
  if (fixture == nullptr) return std::nullopt;
  if (const auto vip = profile.dialled.find(fixture->name); vip != profile.dialled.end()) return vip->second;
  if (fixture->addresses.empty()) return std::nullopt;
  return fixture->addresses.front();
}

std::string expand(const Suite& suite, const Profile& profile, const std::string& text) {
  std::string result;
  std::size_t done = 0;
  for (const Placeholder& placeholder : placeholders(text)) {
    result += text.substr(done, placeholder.begin - done);
    result += meaning(suite, profile, placeholder).value_or(text.substr(placeholder.begin, placeholder.size));
    done = placeholder.begin + placeholder.size;
  }
  return result + text.substr(done);
}

}  // namespace egressproof::scenario
