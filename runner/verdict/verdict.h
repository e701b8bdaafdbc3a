// From evidence to verdict: the table of docs/architecture.md ("Verdict"). Pure.
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
  inconclusive,  // cannot tell; where an outage is expected, an inconclusive verdict is a pass instead
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
std::string to_string(Status status);  // "pass", "known-leak", ...
std::string to_string(Layer layer);    // "sidecar", "network-policy", ...

Judged judge(const evidence::Evidence& evidence);

}  // namespace egressproof::verdict
