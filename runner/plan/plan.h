// What will be done, decided before anything is done. Pure: same suite, selection, capabilities and seed, same plan.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "probe/attempt.h"
#include "runner/scenario/scenario.h"

namespace egressproof::plan {

// Arrived means: a receipt of the attempt's nonce (kind tls, request or payload; for dns attempts kind dns) at
// `fixture`, and for a non-empty `host` a request whose Host or :authority it is.
struct Destination {
  std::string fixture;
  std::string host;
};

// A positive control: the same request from the vantage, before and after. Cells with the same request share one.
struct Control {
  std::string id;  // "control/host-spoof-other-ip/1"
  probe::Attempt before;
  probe::Attempt after;
  Destination expected;  // must be reached
};

struct Cell {
  std::string scenario;
  std::string case_id;  // "lookalike-names.prefix" for a variant
  std::string profile;
  scenario::Expectation expectation;
  probe::Attempt attempt;
  Destination target;       // what the case is about: where allow must arrive and deny must not
  std::string rerouted_to;  // for reroute: the fixture that must have the receipt instead; empty otherwise
  std::string via;  // pod whose address an allowed request must come from; the profile's own pod unless it has a
                    // gateway
  std::size_t control = 0;  // index into Plan::controls
};

struct Skip {
  std::string scenario, case_id, profile;  // profile empty: all
  std::string reason;
};

// What the backend can do, each need tried once.
struct Capabilities {
  std::string backend;
  std::set<std::string> features;  // "kubernetes", "network-policy", ...
};

struct Selection {
  std::vector<std::string> cases;      // globs over "scenario/case"; empty: all
  std::vector<std::string> profiles;   // names; empty: all
  std::vector<std::string> scenarios;  // names; empty: all
  std::vector<std::string> tags;       // empty: all
};

struct Plan {
  std::string seed;
  std::vector<scenario::Profile> profiles;  // those needed, the vantage always among them
  std::vector<Cell> cells;                  // in suite order, then profile order
  std::vector<Control> controls;
  std::vector<Skip> skips;
};

// Nonces are HMAC-SHA-256(seed, attempt id) cut to 32 hex digits. Error kind usage: a selection that names something
// unknown, with the nearest name.
Result<Plan> make(const scenario::Suite& suite, const Selection& selection, const Capabilities& capabilities,
                  const std::string& seed);

// The attempt of one case in one profile with roles and fixtures put in, without sequence and nonce. Used by make().
Result<probe::Attempt> resolve_attempt(const scenario::Suite& suite, const scenario::Profile& profile,
                                       const scenario::AttemptSpec& spec);

}  // namespace egressproof::plan
