// The three witnesses joined: one row per cell. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "probe/codec.h"
#include "probe/observation.h"
#include "runner/plan/plan.h"
#include "runner/policy/applied.h"
#include "runner/policy/mesh_record.h"
#include "target/codec.h"

namespace egressproof::evidence {

// What is known of one attempt.
struct Witnesses {
  probe::Attempt attempt;
  std::optional<probe::Observation> observed;  // absent: the probe never told (errors says why)
  std::vector<target::Receipt> received;       // all receipts of its nonce and of the connections that carried it
  std::vector<policy::MeshRecord> logged;      // by nonce, else by the probe's end of the connection
  bool genuine_answer = false;                 // the answer's nonce and MAC are right, and its receipt is in `received`
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
  bool began_in_force = false;  // started_at >= Applied::in_force_at, and the profile's canaries turned
  // Connections without any nonce at the target, from this pod or by a proxy's record of another attempt's connection
  // not explained, while the attempt ran. They may be the attempt's.
  std::vector<target::Receipt> unattributed;
  std::vector<std::string> errors;  // of the harness: missing observation, bad stream, ...
};

struct Evidence {
  std::vector<Row> rows;  // in plan order
  std::vector<policy::Applied> policies;
  std::vector<std::string> errors;          // of the run: receipts lost, streams broken, unhealthy proxies
  bool receipts_complete = false;           // the journal has no gap and was readable
  std::map<std::string, int> unattributed;  // fixture -> connections that carried no nonce
};

// One batch per phase and pod; phases: "before", "probe", "after".
struct Collected {
  std::map<std::string, std::map<std::string, probe::BatchResult>> batches;  // phase -> pod -> result
  target::Journal journal;
  bool journal_readable = true;
  std::vector<policy::MeshRecord> records;
  std::vector<policy::Applied> policies;
  std::map<std::string, std::vector<std::string>> pod_addresses;
  std::map<std::string, std::string> keys;  // fixture -> key
  std::vector<std::string> errors;
};

Evidence join(const plan::Plan& plan, const Collected& collected);

}  // namespace egressproof::evidence
