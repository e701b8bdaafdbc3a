#include "runner/backend/target_config.h"

#include <algorithm>

namespace egressproof::backend {
namespace {

// The addresses of `fixture` that a record of `type` can hold.
std::vector<std::string> addresses_of(const scenario::Fixture& fixture, const std::string& type) {
  std::vector<std::string> fitting;
  for (const std::string& address : fixture.addresses)
    if ((address.find(':') != std::string::npos) == (type == "AAAA")) fitting.push_back(address);
  return fitting;
}

// The first IPv4 address of whom it relays to; the loader saw that there is one.
std::string relayed_to(const scenario::Fixture& relay, const std::vector<scenario::Fixture>& fixtures) {
  for (const scenario::Fixture& one : fixtures)
    if (one.name == relay.relays_to)
      if (const auto fitting = addresses_of(one, "A"); !fitting.empty()) return fitting.front();
  return {};
}

target::Record resolve(const scenario::Record& record, const std::vector<scenario::Fixture>& fixtures) {
  target::Record made{record.name, record.type, {}, record.ttl};
  const auto put = [&](const std::vector<std::string>& values, std::vector<std::string>& into) {
    for (const std::string& value : values) {
      const auto fixture =
          std::find_if(fixtures.begin(), fixtures.end(), [&](const auto& one) { return one.name == value; });
      if (fixture == fixtures.end())
        into.push_back(value);
      else
        for (std::string& address : addresses_of(*fixture, record.type)) into.push_back(std::move(address));
    }
  };
  put(record.values, made.values);
  put(record.moved_to, made.moved_to);
  return made;
}

}  // namespace

Result<target::Config> target_config(const scenario::Suite& suite, const std::map<std::string, std::string>& keys) {
  target::Config config;
  for (const scenario::Fixture& one : suite.fixtures) {
    if (!one.pod.empty()) continue;
    const auto key = keys.find(one.name);
    if (key == keys.end()) return fail(ErrorKind::internal, "fixture '" + one.name + "' has no key");
    config.fixtures.push_back(
        {one.name, key->second, one.addresses, one.ports, one.every_port, one.names, one.listening, one.ports});
    config.fixtures.back().speaks_first = one.speaks_first;
    if (!one.relays_to.empty()) {
      config.fixtures.back().relays_to = relayed_to(one, suite.fixtures);
      config.fixtures.back().udp_ports.clear();
    }
    for (const std::string& name : one.names)
      for (const char* type : {"A", "AAAA"})
        if (auto values = addresses_of(one, type); !values.empty())
          config.records.push_back({name, type, std::move(values), 1});
  }
  for (const scenario::Record& one : suite.records) config.records.push_back(resolve(one, suite.fixtures));
  config.zones = suite.zones;
  return config;
}

}  // namespace egressproof::backend
