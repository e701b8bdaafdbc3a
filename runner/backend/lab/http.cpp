#include "runner/backend/lab/http.h"

namespace egressproof::backend::lab {

mesh::HttpQuery query_in(const Netns& netns, const std::string& url) {
  return {url, [&netns](int domain, int type, int protocol) { return netns.socket(domain, type, protocol); }};
}

Result<mesh::HttpReply> http_get(const Netns& netns, const std::string& url, std::chrono::milliseconds limit) {
  return mesh::http_get(query_in(netns, url), limit);
}

}  // namespace egressproof::backend::lab
