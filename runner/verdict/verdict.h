// From evidence to verdict: the table of docs/architecture.md ("Verdict"). Pure.
//
// Beyond the table:
// - The absence of a receipt counts only with complete receipts, a positive control that was allowed before and after,
//   and no connection without a nonce that may be the attempt's (one on which nothing was sent is left out where the
//   mesh's own record denies the attempt, where the pod's proxy names the connections that the attempt's requests went
//   by and all of those are known, and where the attempt was refused before it had a connection).
// - A DENY needs a witness of who denied. That is the mesh's record of the attempt. Without one: in a meshed pod only a
//   connection that was refused while the sidecar was seen alive before and after (Layer::capture), since a sidecar
//   accepts every connection that it captures; in a pod without a mesh a connection that was refused, reset,
//   unreachable or timed out before it was made (Layer::unknown); neither, where the records could not be read. All
//   else is inconclusive, a refusal by a dead sidecar included, unless the pod's kernel has a record of it
//   (runner/policy/capture_refusal.h; capture_taken.h, where a listener of the tenant has the dead sidecar's port). A
//   client that says nothing is held by a sidecar that waits for its first bytes and logs nothing: there the pod's
//   kernel is the witness (runner/policy/capture_hold.h), if the client got nothing within its limit and the sidecar
//   was seen alive before and after.
// - A denial by a proxy whose record says that it was connected to an upstream by then is inconclusive without the
//   receipt of that connection: it is lost.
// - A raw TCP client takes any bytes for an answer. Where the mesh's own record says that a proxy refused and answered
//   with an HTTP response of its own, those bytes are that: the attempt failed.
// - A client that failed after something of its single request arrived at another fixture is inconclusive where a
//   denial or reroute is expected.
// - A leak is told whatever else is missing. If the policy was not in force yet, it fails an enforced expectation, but
//   shows no documented hole: inconclusive.
// - An outage is met only by an inconclusive verdict with the outage's own marks: a name that did not resolve, a failed
//   upstream in the mesh's record, or controls whose client failed; nothing arrived and no rule denied it.
#pragma once

#include <string>
#include <vector>

#include "runner/evidence/evidence.h"

namespace egressproof::verdict {

// What happened, whatever was expected.
enum class Verdict { allow, deny, rerouted, leak, wrong_path, false_deny, inconclusive, error };

// How that compares with the expectation.
enum class Status {
  pass,        // enforced expectation met
  known_leak,  // documented hole, proven again; not a pass
  news,        // a documented hole that did not show: reported, and does not pass
  recorded,    // implementation-defined; differs or not, it is written down
  fail,
  inconclusive,  // cannot tell; where an outage is expected and shown, an inconclusive verdict is a pass instead
  error
};

// Who stopped (or diverted) it, named from the mesh's own log.
enum class Layer { none, sidecar, gateway, authorization, network_policy, dns, capture, unknown };

struct Finding {
  std::string scenario, case_id, profile;
  scenario::Expectation expectation;
  Verdict verdict = Verdict::error;
  Status status = Status::error;
  Layer layer = Layer::none;
  std::string stage;                 // "tls"; where the client's attempt ended
  std::string mechanism;             // "BlackHoleCluster (UH)", "route block_all, 502 direct_response", "upstream
                                     // 198.51.100.10:443 by outbound|443||allow.test"
  std::string because;               // one sentence for people
  std::vector<std::string> reached;  // fixtures with a receipt
};

struct Judged {
  std::vector<Finding> findings;  // in evidence order
};

std::string to_string(
    Verdict verdict);  // "ALLOW", "DENY", "REROUTED", "LEAK", "WRONG-PATH", "FALSE-DENY", "INCONCLUSIVE", "ERROR"
std::string to_string(Status status);            // "pass", "known-leak", ...
std::string to_string(Layer layer);              // "sidecar", "network-policy", ...
std::string words_of(target::ReceiptKind kind);  // for people: "TLS ClientHello", "DNS query", ...

Judged judge(const evidence::Evidence& evidence);

}  // namespace egressproof::verdict
