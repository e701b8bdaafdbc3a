// HTTP requests from within namespaces, for control and debug endpoints on their loopback.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/backend/lab/netns.h"

namespace egressproof::backend::lab {

struct HttpReply {
  long status = 0;
  std::string body;
};

struct HttpQuery {
  const Netns* netns = nullptr;  // borrowed
  std::string url;               // "http://127.0.0.1:15000/ready"
};

// All at once; replies in the order of the queries. `limit`: of each. Errors: kind environment, "GET url: reason".
std::vector<Result<HttpReply>> http_get_all(const std::vector<HttpQuery>& queries,
                                            std::chrono::milliseconds limit = std::chrono::milliseconds(2000));

Result<HttpReply> http_get(const Netns& netns, const std::string& url,
                           std::chrono::milliseconds limit = std::chrono::milliseconds(2000));

}  // namespace egressproof::backend::lab
