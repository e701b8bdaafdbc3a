// Plain GETs to what `kubectl port-forward` or a Service makes reachable.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace egressproof::backend::cluster {

struct HttpReply {
  long status = 0;
  std::string body;
};

// All at once, each on a connection of its own; replies in the order of the URLs. `limit`: of each. Neither proxies of
// the environment nor redirects are followed. Errors: kind environment, "GET url: reason".
std::vector<Result<HttpReply>> http_get_all(const std::vector<std::string>& urls, std::chrono::milliseconds limit);

Result<HttpReply> http_get(const std::string& url, std::chrono::milliseconds limit);

}  // namespace egressproof::backend::cluster
