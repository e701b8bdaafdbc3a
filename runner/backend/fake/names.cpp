#include "runner/backend/fake/names.h"

#include <algorithm>

namespace egressproof::backend::fake {
namespace {

std::string plain(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (!name.empty() && name.back() == '.') name.pop_back();
  return name;
}

bool below(const std::string& name, const std::string& zone) {
  return name == zone || (name.size() > zone.size() && name[name.size() - zone.size() - 1] == '.' &&
                          name.compare(name.size() - zone.size(), zone.size(), zone) == 0);
}

bool of_type(const std::string& address, const std::string& type) {
  return (address.find(':') != std::string::npos) == (type == "AAAA");
}

// Exact names beat wildcards, longer wildcards shorter ones. 0: no match.
std::size_t fit(const std::string& pattern, const std::string& name) {
  if (pattern == name) return 1000;
  if (pattern.rfind("*.", 0) != 0) return 0;
  const std::string parent = pattern.substr(2);
  return name != parent && below(name, parent) ? pattern.size() : 0;
}

}  // namespace

Names::Names(const scenario::Suite& suite, const Faults& faults) : readdress_(faults.readdress) {
  for (const std::string& zone : suite.zones) zones_.push_back(plain(zone));
  const auto add = [&](const std::string& name, const std::string& type, const std::vector<std::string>& addresses) {
    const std::string found = plain(name);
    if (std::find(faults.unresolvable.begin(), faults.unresolvable.end(), found) != faults.unresolvable.end()) return;
    scenario::Record record;
    record.name = found;
    record.type = type;
    for (const std::string& address : addresses)
      if (of_type(address, type)) record.values.push_back(address);
    if (!record.values.empty()) records_.push_back(std::move(record));
  };
  for (const scenario::Fixture& fixture : suite.fixtures)
    for (const std::string& name : fixture.names)
      for (const char* type : {"A", "AAAA"}) add(name, type, fixture.addresses);
  for (const scenario::Record& record : suite.records) {
    std::vector<std::string> addresses;
    for (const std::string& value : record.values) {
      const auto fixture = std::find_if(suite.fixtures.begin(), suite.fixtures.end(),
                                        [&](const scenario::Fixture& one) { return one.name == value; });
      if (fixture == suite.fixtures.end())
        addresses.push_back(value);
      else
        addresses.insert(addresses.end(), fixture->addresses.begin(), fixture->addresses.end());
    }
    add(record.name, record.type, addresses);
  }
}

Lookup Names::find(const std::string& name, const std::string& type) const {
  const std::string wanted = plain(name);
  if (const auto moved = readdress_.find(wanted); moved != readdress_.end() && of_type(moved->second, type))
    return {probe::Code::ok, {moved->second}};
  std::size_t best = 0;
  Lookup found{probe::Code::name_not_found, {}};
  for (const scenario::Record& record : records_) {
    const std::size_t now = fit(record.name, wanted);
    if (now == 0 || now < best) continue;
    if (now > best) found = {probe::Code::name_no_data, {}};
    best = now;
    if (record.type != type) continue;
    found.code = probe::Code::ok;
    found.addresses.insert(found.addresses.end(), record.values.begin(), record.values.end());
  }
  const bool served = std::any_of(zones_.begin(), zones_.end(), [&](const auto& zone) { return below(wanted, zone); });
  if (best == 0 && !served) found.code = probe::Code::name_server_failure;
  return found;
}

}  // namespace egressproof::backend::fake
