#include "runner/backend/lab/http.h"

#include <curl/curl.h>

#include <memory>

namespace egressproof::backend::lab {
namespace {

curl_socket_t open_socket(void* netns, curlsocktype, curl_sockaddr* address) {
  auto made = static_cast<const Netns*>(netns)->socket(address->family, address->socktype, address->protocol);
  return made ? made->release() : CURL_SOCKET_BAD;
}

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

}  // namespace

Result<HttpReply> http_get(const Netns& netns, const std::string& url, std::chrono::milliseconds limit) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> easy(curl_easy_init(), curl_easy_cleanup);
  if (once != CURLE_OK || !easy) return fail(ErrorKind::internal, "curl_easy_init()");
  HttpReply reply;
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
  curl_easy_setopt(easy.get(), CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy.get(), CURLOPT_OPENSOCKETDATA, &netns);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &reply.body);
  const CURLcode code = curl_easy_perform(easy.get());
  if (code != CURLE_OK) return fail(ErrorKind::environment, "GET " + url + ": " + curl_easy_strerror(code));
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

}  // namespace egressproof::backend::lab
