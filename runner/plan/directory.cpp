#include "runner/plan/directory.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/nearest.h"
#include "runner/scenario/names.h"

namespace egressproof::plan {
namespace {

// Address in network order, 4 or 16 bytes; empty: not an IP literal.
std::string bytes_of(const std::string& text) {
  std::array<char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in_addr)};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in6_addr)};
  return {};
}

bool of_family(const std::string& address, probe::Family family) {
  const std::size_t size = bytes_of(address).size();
  return size != 0 &&
         (family == probe::Family::any || size == (family == probe::Family::ipv4 ? sizeof(in_addr) : sizeof(in6_addr)));
}

bool same_address(const std::string& one, const std::string& other) {
  const std::string bytes = bytes_of(one);
  return !bytes.empty() && bytes == bytes_of(other);
}

}  // namespace

bool is_address(const std::string& text) { return !bytes_of(text).empty(); }

std::string bare_name(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  // One colon alone parts a port; more are an IPv6 address.
  if (colon != std::string_view::npos && host.find(':') == colon) host = host.substr(0, colon);
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  std::string bare(host);
  std::transform(bare.begin(), bare.end(), bare.begin(), [](unsigned char c) { return std::tolower(c); });
  return bare;
}

const scenario::Role* Directory::role(const std::string& role) const {
  return scenario::find_role(suite_, profile_, role);
}

const scenario::Role* Directory::role_of_name(const std::string& dns_name) const {
  const std::string name = bare_name(dns_name);
  for (const std::string& each : scenario::role_names(suite_, profile_))
    if (const scenario::Role* found = role(each); bare_name(found->name) == name) return found;
  return nullptr;
}

const scenario::Fixture* Directory::fixture(const std::string& role_or_fixture) const {
  const scenario::Role* found = role(role_or_fixture);
  return scenario::find_fixture(suite_, found != nullptr ? found->fixture : role_or_fixture);
}

const scenario::Fixture* Directory::owner_of_name(const std::string& dns_name) const {
  std::string name = bare_name(dns_name);
  static constexpr std::string_view mark = "{nonce}";
  for (std::size_t at = name.find(mark); at != std::string::npos; at = name.find(mark))
    name.replace(at, mark.size(), 1, 'n');
  return scenario::owner_of(suite_, name);
}

const scenario::Fixture* Directory::owner_of_address(const std::string& address) const {
  for (const auto& [name, dialled] : profile_.dialled)
    if (same_address(dialled, address)) return scenario::find_fixture(suite_, name);
  for (const scenario::Fixture& one : suite_.fixtures)
    for (const std::string& own : one.addresses)
      if (same_address(own, address)) return &one;
  return nullptr;
}

std::string Directory::real_address(const scenario::Fixture& fixture, probe::Family family) const {
  const auto found = std::find_if(fixture.addresses.begin(), fixture.addresses.end(),
                                  [&](const std::string& one) { return of_family(one, family); });
  return found == fixture.addresses.end() ? std::string() : *found;
}

std::string Directory::dialled_address(const scenario::Fixture& fixture, probe::Family family) const {
  const auto found = profile_.dialled.find(fixture.name);
  return found == profile_.dialled.end() || !of_family(found->second, family) ? std::string() : found->second;
}

bool Directory::is_dialled(const std::string& address) const {
  return std::any_of(profile_.dialled.begin(), profile_.dialled.end(),
                     [&](const auto& one) { return same_address(one.second, address); });
}

Result<std::string> Directory::fill(const std::string& text, probe::Family family) const {
  std::string filled;
  std::size_t done = 0;
  for (const scenario::Placeholder& one : scenario::placeholders(text)) {
    if (one.name == "nonce" && !one.address) continue;
    const std::string written = text.substr(one.begin, one.size);
    filled += text.substr(done, one.begin - done);
    done = one.begin + one.size;
    if (!one.address) {
      const scenario::Role* found = role(one.name);
      if (found == nullptr && one.name == "gateway" && !profile_.gateway.empty()) {
        filled += scenario::gateway_service(profile_);
        continue;
      }
      if (found == nullptr) {
        const auto close = nearest(one.name, scenario::role_names(suite_, profile_));
        return fail(ErrorKind::scenario,
                    "'" + written + "' is no role" + (close ? " (did you mean '{" + *close + "}'?)" : ""));
      }
      filled += found->name;
      continue;
    }
    const scenario::Fixture* owner = fixture(one.name);
    if (owner == nullptr) {
      const auto close = nearest(one.name, dialable_names());
      return fail(ErrorKind::scenario, "'" + written + "' is no role's or fixture's address" +
                                           (close ? " (did you mean '{" + *close + ".address}'?)" : ""));
    }
    const std::string dialled = dialled_address(*owner, family);
    const std::string address = dialled.empty() ? real_address(*owner, family) : dialled;
    if (address.empty())
      return fail(ErrorKind::scenario,
                  "'" + written + "': fixture '" + owner->name + "' has no address of the family asked for");
    filled += address;
  }
  return filled + text.substr(done);
}

std::vector<std::string> Directory::dialable_names() const {
  std::vector<std::string> names = scenario::role_names(suite_, profile_);
  for (std::string& one : scenario::fixture_names(suite_)) names.push_back(std::move(one));
  return names;
}

}  // namespace egressproof::plan
