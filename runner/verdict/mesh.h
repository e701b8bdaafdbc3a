// What the mesh's log says of one attempt: who denied it, what failed, or where it was sent. Pure.
#pragma once

#include <string>
#include <vector>

#include "runner/policy/mesh_record.h"
#include "runner/verdict/verdict.h"

namespace egressproof::verdict {

enum class Say {
  nothing,    // no record
  held,       // the pod's kernel alone: the sidecar took the connection and had it until the client ended it
  forwarded,  // to an upstream
  unclear,    // neither of the others can be told from it
  failed,     // the path to an upstream failed: an outage, which tells nothing about a policy
  denied      // by a rule of the proxy, and never sent on
};

struct MeshSay {
  Say say = Say::nothing;
  Layer layer = Layer::none;   // of denied
  std::string mechanism;       // as in Finding
  bool answered = false;       // of denied: with an HTTP response of the proxy's own
  std::string connected = {};  // of denied: the upstream that it had a connection to by then
};

// `pod`: whose own sidecar is Layer::sidecar; any other proxy is Layer::gateway.
// `inbound`: the pod that was called, if the target is one; its sidecar is Layer::sidecar too, and named.
MeshSay read(const policy::MeshRecord& record, const std::string& pod, const std::string& inbound = {});

// Of several records (in order of time): the last of each proxy counts, since those before are of earlier requests of
// the attempt (redirects, Attempt::earlier); of these the first in the order denied, failed, unclear, forwarded, held:
// the proxy that answered itself knows best.
MeshSay read(const std::vector<policy::MeshRecord>& records, const std::string& pod, const std::string& inbound = {});

}  // namespace egressproof::verdict
