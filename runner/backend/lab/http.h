// HTTP requests from within a namespace, for control and debug endpoints on its loopback.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "runner/backend/lab/netns.h"

namespace egressproof::backend::lab {

struct HttpReply {
  long status = 0;
  std::string body;
};

// url: "http://127.0.0.1:15000/ready". Errors: kind environment, "GET url: reason".
Result<HttpReply> http_get(const Netns& netns, const std::string& url,
                           std::chrono::milliseconds limit = std::chrono::milliseconds(2000));

}  // namespace egressproof::backend::lab
