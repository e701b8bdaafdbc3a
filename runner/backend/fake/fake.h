// A world in memory, for the tests of everything above the backends: pods, fixtures, DNS and a small model of the mesh,
// built from the profiles' own policy objects. Its witnesses are made by the real codecs, so that what reads them is
// tested too. It knows nothing of expectations.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runner/backend/backend.h"

namespace egressproof::backend::fake {

// What an attempt does instead of what the model says.
enum class Behaviour {
  leak,               // arrives at the dialled address, whatever the policies say
  deny,               // the proxy's BlackHoleCluster
  deny_silent,        // the client times out, nothing arrives, nothing is logged
  wrong_path,         // arrives, but from a source address that is not the pod's
  answered_by_other,  // the client gets an HTTP 200 that no fixture wrote
  forged_answer,      // as answered_by_other, with an answer line whose MAC is wrong
  local_error,        // the probe cannot try
  outage              // 503 UF of a named cluster
};

struct Override {
  std::string attempt;  // glob over attempt ids (fnmatch)
  Behaviour behaviour = Behaviour::leak;
};

// What goes wrong with a pod's probe, once it comes to an attempt whose id matches.
enum class StreamFault { killed, truncated, lost_line, duplicated_line };

struct BrokenStream {
  std::string attempt;
  StreamFault fault = StreamFault::killed;
};

struct Enforcement {
  std::string profile;
  bool never = false;
  int rounds = 0;  // batches that still see the old policies after the acknowledgement
};

// The policies of a profile change by themselves just before an attempt whose id matches.
struct PolicyChange {
  std::string attempt;
  std::string profile;
  std::string remove;  // name of a ServiceEntry; empty: all policies
};

struct Rejection {
  int generation = 0;
  std::string message;
};

// JSON, for --fake FILE: the same names with "_" as here; see decode_faults().
struct Faults {
  std::vector<Override> overrides;
  std::vector<BrokenStream> streams;
  std::vector<Enforcement> enforcement;
  std::vector<PolicyChange> policy_changes;
  std::vector<Rejection> rejections;
  std::vector<std::string> lost_receipts;        // globs over attempt ids: their receipts are missing from the journal
  std::string journal_lost_at;                   // glob: from that attempt on the journal cannot be read
  std::vector<std::string> stopped;              // fixtures that do not listen
  std::vector<std::string> unresolvable;         // names without records
  std::map<std::string, std::string> readdress;  // name -> IP literal that it resolves to instead
  std::vector<std::string> unhealthy;            // what health() tells
  std::string crash_at;                          // glob: an exception that nobody expects is thrown at that attempt
  std::string detect_error, open_error;          // not empty: that fails, with these words
};

// Strict: unknown keys and values are errors of kind usage, which name `file`.
Result<Faults> decode_faults(const std::string& json, const std::string& file);

std::unique_ptr<Backend> make(Faults faults);

}  // namespace egressproof::backend::fake
