// GETs of control and debug endpoints: of istiod, Envoy, agents and targets.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace egressproof::backend::mesh {

struct HttpReply {
  long status = 0;
  std::string body;
};

struct HttpQuery {
  std::string url;  // "http://127.0.0.1:15000/ready"
  // Makes the socket, for loopbacks of other network namespaces; empty: one of this process.
  std::function<Result<UniqueFd>(int domain, int type, int protocol)> socket = {};
};

// All at once, each on a connection of its own; replies in the order of the queries. `limit`: of each. Neither proxies
// of the environment nor redirects are followed. Errors: kind environment, "GET url: reason".
std::vector<Result<HttpReply>> http_get_all(const std::vector<HttpQuery>& queries, std::chrono::milliseconds limit);
std::vector<Result<HttpReply>> http_get_all(const std::vector<std::string>& urls, std::chrono::milliseconds limit);

Result<HttpReply> http_get(const HttpQuery& query, std::chrono::milliseconds limit);

}  // namespace egressproof::backend::mesh
