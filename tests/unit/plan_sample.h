// A small suite of the shape of scenarios/.
#pragma once

#include <string>
#include <vector>

#include "runner/plan/plan.h"

namespace egressproof::plan {

inline scenario::Profile profile(const std::string& name, scenario::Mesh mesh = scenario::Mesh::sidecar) {
  scenario::Profile made;
  made.name = name;
  made.ns = "tenant-" + name;
  made.mesh = mesh;
  made.vantage = mesh == scenario::Mesh::none;
  return made;
}

inline scenario::Fixture fixture(const std::string& name, const std::vector<std::string>& addresses,
                                 const std::vector<std::string>& names) {
  scenario::Fixture made;
  made.name = name;
  made.addresses = addresses;
  made.names = names;
  made.ports = {80, 443};
  return made;
}

inline scenario::Suite sample_suite() {
  scenario::Suite suite;
  suite.zones = {"test"};
  suite.fixtures = {fixture("allow", {"198.51.100.10", "2001:db8::10"}, {"allow.test"}),
                    fixture("deny", {"198.51.100.20"}, {"deny.test"}),
                    fixture("cdn", {"198.51.100.40"}, {"front.test", "fronted.test"}),
                    fixture("wild-a", {"198.51.100.51"}, {"a.wild.test"}), fixture("sink", {"198.51.100.66"}, {})};
  suite.records = {{"*.wild.test", "A", {"wild-a"}, 1, {}, {}}};
  suite.roles = {{"allowed", {"allow.test", "allow"}}, {"missing", {"missing.test", "allow"}}};
  suite.profiles = {profile("P0", scenario::Mesh::none), profile("P3"), profile("P3v"), profile("P5n")};
  suite.profiles[2].dialled = {{"allow", "192.0.2.10"}};
  suite.profiles[3].roles = {{"allowed", {"a.wild.test", "wild-a"}}};
  suite.scenarios.push_back({"spoof", "Spoofing", "only listed hosts", {}, {}});
  return suite;
}

inline scenario::AttemptSpec to(probe::Protocol protocol, const std::string& name_and_port) {
  scenario::AttemptSpec spec;
  spec.protocol = protocol;
  spec.to = name_and_port;
  return spec;
}

inline scenario::AttemptSpec dial(probe::Protocol protocol, const std::string& where) {
  scenario::AttemptSpec spec;
  spec.protocol = protocol;
  spec.dial = where;
  return spec;
}

// Expected the same in all profiles of sample_suite() that are named.
inline scenario::Case sample_case(const std::string& id, const scenario::AttemptSpec& spec, scenario::Expect expect,
                                  const std::vector<std::string>& profiles = {"P0", "P3", "P3v", "P5n"}) {
  scenario::Case made;
  made.id = id;
  made.attempt = spec;
  for (const std::string& name : profiles) made.expectations[name] = {expect, scenario::Stance::enforced, {}};
  return made;
}

inline scenario::Suite suite_of(const std::vector<scenario::Case>& cases) {
  scenario::Suite suite = sample_suite();
  suite.scenarios[0].cases = cases;
  return suite;
}

// "" or the message.
inline std::string error_of(const Result<Plan>& plan) { return plan ? "" : plan.error().message; }

inline Result<Plan> make_all(const scenario::Suite& suite) { return make(suite, {}, {"lab", {}}, "seed"); }

}  // namespace egressproof::plan
