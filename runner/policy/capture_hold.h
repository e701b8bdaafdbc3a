// How the pod's own kernel stands for a client that a proxy holds without a word, which no access log has.
#pragma once

namespace egressproof::policy {

// MeshRecord::details of a connection that the capture rules led to the proxy's port, and that the proxy had until its
// client ended it: it is about this very connection. A witness of "POD.capture", see capture_refusal.h. By itself it
// does not say that the proxy sent nothing on.
inline constexpr const char* capture_hold = "capture_hold";

}  // namespace egressproof::policy
