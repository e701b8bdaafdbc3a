#include "runner/backend/mesh/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <deque>
#include <memory>

namespace egressproof::backend::mesh {
namespace {

using Multi = std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)>;

struct Get {
  const HttpQuery* query = nullptr;
  std::string body = {};
  std::unique_ptr<CURL, void (*)(CURL*)> easy{curl_easy_init(), curl_easy_cleanup};
};

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

curl_socket_t open_socket(void* query, curlsocktype, curl_sockaddr* address) {
  auto made = static_cast<const HttpQuery*>(query)->socket(address->family, address->socktype, address->protocol);
  return made ? made->release() : CURL_SOCKET_BAD;
}

void prepare(Get& get, std::chrono::milliseconds limit) {
  CURL* easy = get.easy.get();
  curl_easy_setopt(easy, CURLOPT_URL, get.query->url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
  // 127.0.0.1:15000 is another server in every namespace: a connection must never be used for a second query.
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  if (get.query->socket) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, const_cast<HttpQuery*>(get.query));
  }
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &get.body);
}

Result<HttpReply> reply_of(Get& get, CURLcode how) {
  if (how != CURLE_OK) return fail(ErrorKind::environment, "GET " + get.query->url + ": " + curl_easy_strerror(how));
  HttpReply reply;
  reply.body = std::move(get.body);
  curl_easy_getinfo(get.easy.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

}  // namespace

std::vector<Result<HttpReply>> http_get_all(const std::vector<HttpQuery>& queries, std::chrono::milliseconds limit) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::vector<Result<HttpReply>> replies(queries.size(), fail(ErrorKind::internal, "libcurl: no GET could be made"));
  const Multi multi(curl_multi_init(), curl_multi_cleanup);
  if (once != CURLE_OK || !multi) return replies;
  std::deque<Get> gets;  // each at a place of its own: libcurl knows its address
  for (const HttpQuery& query : queries) {
    gets.push_back({&query});
    if (!gets.back().easy) return replies;
    prepare(gets.back(), limit);
  }
  for (const Get& get : gets) curl_multi_add_handle(multi.get(), get.easy.get());
  for (int running = 1; running > 0;) {
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK) break;
    if (running > 0) curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(limit.count()), nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    const auto get =
        std::find_if(gets.begin(), gets.end(), [&](const Get& one) { return one.easy.get() == message->easy_handle; });
    if (message->msg == CURLMSG_DONE && get != gets.end())
      replies[static_cast<std::size_t>(get - gets.begin())] = reply_of(*get, message->data.result);
  }
  for (const Get& get : gets) curl_multi_remove_handle(multi.get(), get.easy.get());
  return replies;
}

std::vector<Result<HttpReply>> http_get_all(const std::vector<std::string>& urls, std::chrono::milliseconds limit) {
  std::vector<HttpQuery> queries;
  for (const std::string& url : urls) queries.push_back({url});
  return http_get_all(queries, limit);
}

Result<HttpReply> http_get(const HttpQuery& query, std::chrono::milliseconds limit) {
  return std::move(http_get_all(std::vector<HttpQuery>{query}, limit).front());
}

}  // namespace egressproof::backend::mesh
