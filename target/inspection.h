// What a runner asks of a target whose files it cannot read: through `kubectl port-forward`, which dials loopback of
// the pod's network namespace.
#pragma once

#include <filesystem>

namespace egressproof::target {

// Answers one request on `socket` (blocking, with time-outs; the caller's) and ends the stream:
//   GET /healthz              200; the server starts to answer after everything is bound
//   GET /journal?from=OFFSET  200, the journal's bytes from OFFSET (absent: 0) to the end of its last whole line.
//                             400 if no line begins at OFFSET, 416 if the journal is shorter: it is another one
// All else is 400, 404 or 405.
void inspect(int socket, const std::filesystem::path& journal);

}  // namespace egressproof::target
