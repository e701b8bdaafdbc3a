// The three witnesses joined: one row per cell. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "probe/codec.h"
#include "probe/observation.h"
#include "runner/evidence/long_lived.h"
#include "runner/plan/plan.h"
#include "runner/policy/applied.h"
#include "runner/policy/mesh_record.h"
#include "target/codec.h"

namespace egressproof::evidence {

// What is known of one attempt.
struct Witnesses {
  probe::Attempt attempt;
  std::optional<probe::Observation> observed;  // absent: the probe never told (errors says why)
  // By number: all receipts of its nonce; and those without a nonce on connections that carried it, or that are its own
  // by both ends (the probe's, or those of one of `logged`). Never a receipt of another attempt's nonce.
  std::vector<target::Receipt> received;
  // In order of time: by nonce; without a nonce by the probe's end of the connection, by the next proxy's, or by the
  // receipt's peer; or, where capture changed the source port, the only one that fits (runner/evidence/remapped.h).
  std::vector<policy::MeshRecord> logged;
  bool genuine_answer = false;  // the answer's nonce and MAC are right, and its receipt is in `received`
};

struct ControlEvidence {
  Witnesses before, after;
  bool allowed_before = false;  // client ok and a receipt at the control's destination
  bool allowed_after = false;
  std::string why_not;  // of the first that was not allowed; empty if both were
  std::string id;       // of the plan's control
};

struct Row {
  plan::Cell cell;
  Witnesses probe;
  ControlEvidence control;
  // started_at >= in_force_at of the newest generation applied before the attempt finished, and all canaries of the
  // profile turned there (enforcement and admission).
  bool began_in_force = false;
  bool meshed = true;                      // the profile has a sidecar
  bool proxy_seen_around = false;          // its sidecar logged something before the attempt began and after it ended
  std::vector<std::string> via_addresses;  // of Cell::via: what the peer of an allowed request's receipt must be
  // All receipts of connections at the target fixture that carried no nonce, from this pod (or Cell::via) and opened
  // while the attempt ran, that are no attempt's by their ends; packets that became no connection too. They may be the
  // attempt's; connections on which nothing was sent may also be a proxy's, opened ahead of need.
  std::vector<target::Receipt> unattributed;
  std::optional<LongLived> long_lived;  // of attempts with ticks
  int world = 0;  // in which of the run's worlds, one after the other; its policies are Evidence::policies[world]
  std::vector<std::string> errors;  // of the harness: missing or doubled observation, broken stream, unsupported, ...
};

struct Evidence {
  std::vector<Row> rows;                  // in plan order
  std::vector<policy::Applied> policies;  // of each world
  std::vector<std::string> errors;        // of the run: receipts lost, streams broken, unhealthy proxies
  bool receipts_complete = false;         // the journal has no gap and was readable
  bool records_readable = true;           // those of the mesh and of the network plugin; else `errors` says why not
  // Fixture -> connections that carried no nonce, and packets that became none, that are no attempt's.
  std::map<std::string, int> unattributed;
};

// One batch per phase and pod; phases: "before", "probe", "after", and "change" for what is long-lived.
struct Collected {
  std::map<std::string, std::map<std::string, probe::BatchResult>> batches;  // phase -> pod -> result
  target::Journal journal;
  bool journal_readable = true;
  std::vector<policy::MeshRecord> records;
  bool records_readable = true;
  std::vector<policy::Applied> policies;
  std::optional<policy::Applied> change;  // the generation that was applied while long-lived attempts were open
  std::map<std::string, std::vector<std::string>> pod_addresses;
  std::map<std::string, std::string> keys;  // fixture -> key
  std::vector<std::string> errors;
};

Evidence join(const plan::Plan& plan, const Collected& collected);

// The client side succeeded: every stage, and for HTTP a 2xx with a genuine answer (none for HEAD), for tcp a genuine
// answer. Datagrams succeed with an answer (of udp a genuine one), or if none is expected. A TLS handshake succeeds
// only with a certificate of the run's CA.
bool client_ok(const Witnesses& one);

// The first receipt that says: arrived (see plan::Destination); without a nonce where it is the attempt's by both ends
// of the connection; of icmp and syn the packet that carried the nonce. nullptr: did not arrive.
const target::Receipt* arrival(const Witnesses& one, const plan::Destination& destination);

// All receipts that say so, by number.
std::vector<const target::Receipt*> arrivals(const Witnesses& one, const plan::Destination& destination);

// The phase in which a cell's attempt is sent.
inline const char* phase_of(const plan::Cell& cell) { return cell.cut_within.count() > 0 ? "change" : "probe"; }

// As arrival(), but an accepted connection or a packet alone counts too, unless the destination has a host: what must
// not happen at a forbidden target.
const target::Receipt* touch(const Witnesses& one, const plan::Destination& destination);

// Fixtures with a receipt of the attempt, in order of first receipt; for all but dns attempts without DNS queries.
std::vector<std::string> reached(const Witnesses& one);

// "198.51.100.1" of "198.51.100.1:80", "2001:db8::1" of "[2001:db8::1]:80" or "2001:db8::1".
std::string address_part(const std::string& end);

}  // namespace egressproof::evidence
