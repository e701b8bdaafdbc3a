// How the pod's own kernel stands among the mesh's records: a witness of its own, "POD.capture".
#pragma once

#include <string>

namespace egressproof::policy {

// MeshRecord::details of a connection that the capture rules led to a port of the proxy on which nobody listened, and
// that the kernel therefore refused: it is about this very connection, and no proxy has a record of it.
inline constexpr const char* capture_refusal = "capture_refusal";

// MeshRecord::proxy of what the kernel says of connections from the pod.
inline std::string capture_witness(const std::string& pod) { return pod + ".capture"; }

}  // namespace egressproof::policy
