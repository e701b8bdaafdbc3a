// How the pod's own kernel stands for a connection that a tenant's listener has, in the place of a proxy that is gone.
#pragma once

namespace egressproof::policy {

// MeshRecord::details of a connection that the capture rules led to the proxy's port, where a process of the tenant
// answered it: it is about this very connection, which ends within the pod. A witness of "POD.capture", see
// capture_refusal.h. Written only where the world saw the proxy gone and knows whose the listener is.
inline constexpr const char* capture_taken = "capture_taken";

}  // namespace egressproof::policy
