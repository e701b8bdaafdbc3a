#include "runner/draft/internet.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "runner/scenario/scalars.h"

namespace egressproof::draft {
namespace {
constexpr int last_of_first_range = 249;   // 198.51.100.10 and on; .254 is the sink
constexpr int last_of_second_range = 223;  // 192.0.2.1 and on; the lab's ClusterIPs and the canaries follow
}  // namespace

Internet::Internet(const Model& model) {
  for (const Listing& one : model.listings) {
    for (const auto* list : {&one.addresses, &one.endpoints})
      for (const std::string& text : *list)
        if (const auto address = scenario::canonical_address(text.substr(0, text.find('/')))) taken_.insert(*address);
  }
  fixtures_.push_back({forbidden_fixture, next_address(), {}, {}});
  forbid(unlisted_name);
}

std::string Internet::next_address() {
  for (;;) {
    const int number = next_++;
    const int second = number - last_of_first_range;
    if (second > last_of_second_range) {
      full_ = true;
      return "198.51.100.250";
    }
    std::string address = second <= 0 ? fmt::format("198.51.100.{}", number) : fmt::format("192.0.2.{}", second);
    if (taken_.insert(address).second) return address;
  }
}

PlannedFixture& Internet::fixture(const std::string& name) {
  return *std::find_if(fixtures_.begin(), fixtures_.end(), [&](const auto& one) { return one.name == name; });
}

std::string Internet::play(const std::string& host, const std::set<std::uint16_t>& ports, const std::string& address) {
  std::string name = fixture_of(host);
  if (name.empty() && !address.empty())
    for (const PlannedFixture& one : fixtures_)
      if (one.address == address) also_named(host, name = one.name);
  if (name.empty()) {
    name = slug_of(host);
    const std::string stem = name;
    const auto used = [&](const std::string& tried) {
      return tried == sink_fixture ||
             std::any_of(fixtures_.begin(), fixtures_.end(), [&](const auto& one) { return one.name == tried; });
    };
    for (int i = 2; used(name); ++i) name = fmt::format("{}-{}", stem, i);
    fixtures_.push_back({name, address.empty() ? next_address() : address, {}, {}});
    also_named(host, name);
  }
  fixture(name).ports.insert(ports.begin(), ports.end());
  return name;
}

void Internet::also_named(const std::string& host, const std::string& name) {
  if (!owner_.emplace(host, name).second) return;
  if (!host.starts_with("*.")) fixture(name).names.push_back(host);
}

void Internet::every_fixture_has(const std::set<std::uint16_t>& ports) {
  for (PlannedFixture& one : fixtures_) one.ports.insert(ports.begin(), ports.end());
}

std::string Internet::fixture_of(const std::string& host) const {
  const auto found = owner_.find(host);
  return found == owner_.end() ? "" : found->second;
}

std::string Internet::to_yaml() const {
  std::set<std::string> zones;
  for (const auto& [host, fixture] : owner_) zones.insert(zone_of(host));
  std::string text =
      "# The hosts of the manifests, played on documentation addresses (RFC 5737): nothing leaves this machine.\n"
      "apiVersion: egressproof/v1\nkind: Fixtures\nzones:\n";
  for (const std::string& zone : zones) text += "  - " + quoted(zone) + "\n";
  text += "fixtures:\n";
  for (const PlannedFixture& one : fixtures_) {
    std::string ports;
    for (const std::uint16_t port : one.ports) ports += (ports.empty() ? "" : ", ") + std::to_string(port);
    text += fmt::format("  {}:\n    addresses: [{}]\n    ports: [{}]\n", one.name, one.address, ports);
    if (one.names.empty()) continue;
    text += "    names:\n";
    for (const std::string& name : one.names) text += "      - " + quoted(name) + "\n";
  }
  text += fmt::format(
      "  # Every port, no name: where whoever lies about a name wants to get.\n  {}: {{addresses: [{}], "
      "every-port: true}}\n",
      sink_fixture, sink_address);
  return text;
}

std::string slug_of(const std::string& host) {
  std::string slug = host.starts_with("*.") ? "any-" + host.substr(2) : host;
  for (char& c : slug)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) c = '-';
  return slug;
}

std::string zone_of(const std::string& name) {
  const std::string whole = name.starts_with("*.") ? name.substr(2) : name;
  const std::size_t last = whole.rfind('.');
  if (last == std::string::npos || last == 0) return whole;
  const std::size_t before = whole.rfind('.', last - 1);
  return before == std::string::npos ? whole : whole.substr(before + 1);
}

std::string quoted(const std::string& text) { return Json(text).dump(); }

}  // namespace egressproof::draft
