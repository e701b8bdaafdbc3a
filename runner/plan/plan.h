// What will be done, decided before anything is done. Pure: same suite, selection, capabilities and seed, same plan.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "probe/attempt.h"
#include "runner/scenario/scenario.h"

namespace egressproof::plan {

// Arrived means: a receipt of the attempt's nonce (kind tls, request or payload; for dns attempts kind dns) at
// `fixture`, and for a non-empty `host` a request whose Host or :authority it is. The fixture of all DNS queries is
// "dns".
struct Destination {
  std::string fixture;
  std::string host;
};

// A positive control: the same bytes from the vantage (or who the case says), before and after, with the case's
// `control` laid over, dialled
// to the fixtures' own addresses (no VIP). Every cell has one; cells with the same request and destination share it.
struct Control {
  std::string id;  // "control/spoof/host-spoof-other-ip/1"; those of its attempts end in "/before" and "/after"
  probe::Attempt before;
  probe::Attempt after;
  Destination expected;  // must be reached
  std::string from;      // profile that sends it; empty: the vantage
  // The probe in the vantage's pod that sends `after` while the policies change, beside the long-lived attempts whose
  // control it is: what cuts those does not cut this. Its `before` is as long as two ticks. Empty: not long-lived.
  std::string beside;
};

struct Cell {
  std::string scenario;
  std::string case_id;  // "lookalike-names.prefix" for a variant
  std::string profile;
  std::string pod;  // whose probe sends it: the profile, or one of Plan::extra_probes in its pod
  scenario::Expectation expectation;
  probe::Attempt attempt;   // id "scenario/case/profile", sequence 0: whoever sends numbers its batch
  Destination target;       // what the case is about: where allow must arrive and deny must not
  std::string rerouted_to;  // for reroute: the fixture that must have the receipt instead, never the target; empty
                            // otherwise. That of the role whose name is Host or SNI, else of the name's owner, else of
                            // the role "allowed": where a listener leads that ignores names
  std::string via;  // pod whose address an allowed request must come from; the profile's own pod unless it has a
                    // gateway, or what is dialled relays to the target: then a leak must come from there too
  // Profile in whose pod the target listens, which its sidecar guards; empty: outside of the mesh. An allowed request
  // comes out of that sidecar then (`via`).
  std::string inbound = {};
  // Of a long-lived attempt, which is sent while the policies change: how long after `cut_from` something may still
  // arrive at the target. 0: any other.
  std::chrono::milliseconds cut_within{0};
  bool default_deny_overridden = false;  // see scenario::Profile: its sidecar is expected to deny nothing
  // The mesh makes this request because a policy of the profile names it; no probe sends it. `pod` is then whose
  // address it comes from: the profile, or plan::istiod_end.
  bool fetched = false;
  std::size_t control = 0;  // index into Plan::controls
  scenario::CutFrom cut_from = scenario::CutFrom::in_force;
};

// Name in World::pod_addresses() of where connections come from that a pod's own sidecar lets in: "KN.inbound".
inline std::string inbound_end(const std::string& profile) { return profile + ".inbound"; }

// The same of the connections that a fixture makes which relays to another (scenario::Fixture::relays_to), and the
// fixture of such a name; "": it is none.
inline std::string relay_end(const std::string& fixture) { return fixture + ".relay"; }
inline std::string relay_of(const std::string& end) {
  constexpr std::string_view mark = ".relay";
  return end.ends_with(mark) ? end.substr(0, end.size() - mark.size()) : std::string();
}

// The same of istiod's own connections.
inline constexpr const char* istiod_end = "istiod";

struct Skip {
  std::string scenario, case_id, profile;  // profile empty: all; case_id without variant
  std::string reason;
};

// What the backend can do, each need tried once.
struct Capabilities {
  std::string backend;
  std::set<std::string> features;                   // "kubernetes", "network-policy", ...
  std::map<std::string, std::string> why_not = {};  // feature that it lacks -> what was found out about it
};

struct Selection {
  // Globs over "scenario/case", or without a '/' over the case alone; a case takes its variants along. Empty: all.
  std::vector<std::string> cases;
  std::vector<std::string> profiles;   // names; empty: all
  std::vector<std::string> scenarios;  // names; empty: all
  std::vector<std::string> tags;       // any of them; empty: all
};

// A second probe in a profile's pod, under another identity, or one in a pod of its own.
struct ExtraProbe {
  std::string profile;
  std::string name;  // "P2@1337:1000", "P2@0:0,NET_RAW", "P2+exclude-outbound.ports"
  scenario::Identity identity;
  std::optional<scenario::PodTemplate> pod;
};

struct Plan {
  std::string seed;
  std::vector<scenario::Profile> profiles;  // those needed, the vantage always among them
  std::vector<Cell> cells;                  // in suite order, then profile order
  std::vector<Control> controls;
  std::vector<ExtraProbe> extra_probes;
  std::vector<Skip> skips;
  bool moves_records = false;  // a cell is about records that change when the policies do
};

// Nonces are HMAC-SHA-256(seed, attempt id) cut to 32 hex digits. Error kind usage: a selection that names something
// unknown, with the nearest name. Error kind scenario: everything that cannot be sent, one line a cell. A selection
// that picks nothing is a plan without cells.
Result<Plan> make(const scenario::Suite& suite, const Selection& selection, const Capabilities& capabilities,
                  const std::string& seed);

// The attempt of one case in one profile with roles and fixtures put in, without sequence, id and nonce. `to` gives
// name, port and the defaults of Host and SNI; `dial` the address and port, and the default of Host where there is no
// `to`. Error kind scenario: an unknown placeholder, role or fixture, or whatever the probe would refuse.
Result<probe::Attempt> resolve_attempt(const scenario::Suite& suite, const scenario::Profile& profile,
                                       const scenario::AttemptSpec& spec);

}  // namespace egressproof::plan
