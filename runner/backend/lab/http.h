// GETs from within namespaces, to control and debug endpoints on their loopback.
#pragma once

#include "runner/backend/lab/netns.h"
#include "runner/backend/mesh/http.h"

namespace egressproof::backend::lab {

// `netns` is borrowed until the answer is there.
mesh::HttpQuery query_in(const Netns& netns, const std::string& url);

Result<mesh::HttpReply> http_get(const Netns& netns, const std::string& url,
                                 std::chrono::milliseconds limit = std::chrono::milliseconds(2000));

}  // namespace egressproof::backend::lab
