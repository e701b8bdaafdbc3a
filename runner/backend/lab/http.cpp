#include "runner/backend/lab/http.h"

#include <curl/curl.h>

#include <memory>

namespace egressproof::backend::lab {
namespace {

using Easy = std::unique_ptr<CURL, void (*)(CURL*)>;

curl_socket_t open_socket(void* netns, curlsocktype, curl_sockaddr* address) {
  auto made = static_cast<const Netns*>(netns)->socket(address->family, address->socktype, address->protocol);
  return made ? made->release() : CURL_SOCKET_BAD;
}

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

Easy make_easy(const HttpQuery& query, std::chrono::milliseconds limit, std::string& body) {
  Easy easy(curl_easy_init(), curl_easy_cleanup);
  if (!easy) return easy;
  curl_easy_setopt(easy.get(), CURLOPT_URL, query.url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
  // 127.0.0.1:15000 is another server in every namespace: a connection must never be used for a second query.
  curl_easy_setopt(easy.get(), CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy.get(), CURLOPT_OPENSOCKETDATA, const_cast<Netns*>(query.netns));
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &body);
  return easy;
}

}  // namespace

std::vector<Result<HttpReply>> http_get_all(const std::vector<HttpQuery>& queries, std::chrono::milliseconds limit) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::vector<Result<HttpReply>> replies(queries.size(), fail(ErrorKind::internal, "curl_multi_init()"));
  const std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)> multi(curl_multi_init(), curl_multi_cleanup);
  if (once != CURLE_OK || !multi) return replies;
  std::vector<std::string> bodies(queries.size());
  std::vector<Easy> easies;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    easies.push_back(make_easy(queries[i], limit, bodies[i]));
    if (!easies[i]) return replies;
  }
  for (const Easy& easy : easies) curl_multi_add_handle(multi.get(), easy.get());
  for (int running = 1; running > 0;) {
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK) break;
    if (running > 0) curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(limit.count()), nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    for (std::size_t i = 0; i < easies.size(); ++i) {
      if (easies[i].get() != message->easy_handle) continue;
      if (message->data.result != CURLE_OK) {
        replies[i] =
            fail(ErrorKind::environment, "GET " + queries[i].url + ": " + curl_easy_strerror(message->data.result));
      } else {
        HttpReply reply;
        reply.body = std::move(bodies[i]);
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &reply.status);
        replies[i] = std::move(reply);
      }
    }
  }
  for (const Easy& easy : easies) curl_multi_remove_handle(multi.get(), easy.get());
  return replies;
}

Result<HttpReply> http_get(const Netns& netns, const std::string& url, std::chrono::milliseconds limit) {
  return std::move(http_get_all({{&netns, url}}, limit).front());
}

}  // namespace egressproof::backend::lab
