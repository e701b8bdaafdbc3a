// What names mean in the suite read so far: fixtures, roles of a profile, DNS names, placeholders.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/scenario/scenario.h"

namespace egressproof::scenario {

const Fixture* find_fixture(const Suite& suite, const std::string& name);
// The profile's own role, else the file's; nullptr: none.
const Role* find_role(const Suite& suite, const Profile& profile, const std::string& name);

std::vector<std::string> fixture_names(const Suite& suite);
std::vector<std::string> role_names(const Suite& suite, const Profile& profile);

enum class Lookup {
  found,
  no_record,  // within a zone: NXDOMAIN
  no_zone
};
// As the authoritative server answers; a wildcard record matches any depth below.
Lookup look_up(const Suite& suite, const std::string& dns_name);
// The fixture whose `names` or whose records' first value it is; nullptr: none.
const Fixture* owner_of(const Suite& suite, const std::string& dns_name);
// All that look_up() finds, wildcards left out.
std::vector<std::string> known_dns_names(const Suite& suite);

// Whether a Service among the profile's policies has the name: "slice.tenant-pk.svc.cluster.local".
bool names_own_service(const Profile& profile, const std::string& dns_name);

// "{allowed}" or "{sink.address}" in a text.
struct Placeholder {
  std::string name;
  bool address = false;
  std::size_t begin = 0;  // of its brace
  std::size_t size = 0;
};
// Braces around anything but [a-z0-9-]+ with or without ".address" are plain text.
std::vector<Placeholder> placeholders(std::string_view text);

// What stands for the placeholder in this profile; "{nonce}" gives 32 zeros. nullopt: it means nothing there.
std::optional<std::string> meaning(const Suite& suite, const Profile& profile, const Placeholder& placeholder);
// "istio-egressgateway.NAMESPACE.svc.cluster.local" of the profile's gateway, what "{gateway}" means; "": it has none.
std::string gateway_service(const Profile& profile);

// The text with all placeholders replaced; those that mean nothing stay.
std::string expand(const Suite& suite, const Profile& profile, const std::string& text);

}  // namespace egressproof::scenario
