// How libcurl is told what an attempt is.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <numeric>
#include <random>

#include "probe/request.h"
#include "probe/transfer.h"

namespace egressproof::probe {
namespace {

// A local port of its own for each connection. The kernel would give one port to connections to different destinations;
// where netfilter's REDIRECT sends all of them to one proxy, it then changes the second one's port, and the proxy's log
// no longer tells whose connection it was. Outside the ephemeral range and the ports of Istio's proxy.
constexpr long first_local_port = 20000;
constexpr long local_ports = 11900;
constexpr long most_ports_tried = 100;  // further ones, where one is in use

// This process's part of them: probes in one pod that used the same port for the same destination, one after the other,
// could not be told apart by what a proxy or the network plugin says of a connection.
std::atomic<long> own_first{first_local_port};
std::atomic<long> own_count{local_ports};

struct LocalPorts {
  long first = 0;
  long tried = 0;
};

// All are used before one comes again, and neighbours are used far apart: a probe that took them in order leaves a
// stretch of ports in TIME_WAIT, longer than the ports that libcurl tries, for the next one to fall into.
LocalPorts next_local_ports() {
  static std::atomic<unsigned long> next{std::random_device{}()};  // a later process in the pod begins elsewhere
  const long count = own_count;
  long stride = count * 2 / 5 + 1;
  while (std::gcd(stride, count) != 1) ++stride;
  const long turn = static_cast<long>(next++ % static_cast<unsigned long>(count)) * stride % count;
  return {own_first + turn, std::min(most_ports_tried, count - turn)};
}

constexpr long no_own_limit_ms = 24L * 3600 * 1000;  // the stage clock has the limits; libcurl's default is 300 s

bool uses_tls(const Attempt& attempt) { return attempt.over_tls || attempt.protocol == Protocol::tls; }

std::string bracketed(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

// 0: not a socket. The number of a descriptor may be another socket's by now, its cookie never.
std::uint64_t cookie_of(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  curl_easy_setopt(easy, option, value);
}

}  // namespace

void share_local_ports(int index, int count) {
  const long part = local_ports / std::max(1, count);
  own_first = first_local_port + part * (index - 1);
  own_count = part;
}

void Transfer::prepare(const EngineOptions& options) {
  const std::string port = std::to_string(attempt_.port);
  // The URL's host is only a label for libcurl: address, SNI and Host are each set on their own.
  set(easy_, CURLOPT_URL,
      ((uses_tls(attempt_) ? "https://" : "http://") + std::string("attempt.invalid:") + port + "/").c_str());
  connect_to_ = curl_slist_append(nullptr, ("::" + bracketed(address_) + ":" + port).c_str());
  set(easy_, CURLOPT_CONNECT_TO, connect_to_);
  set(easy_, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
  set(easy_, CURLOPT_OPENSOCKETDATA, this);
  set(easy_, CURLOPT_PROXY, "");  // whatever the environment says
  set(easy_, CURLOPT_NOPROXY, "*");
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  const LocalPorts ports = next_local_ports();
  set(easy_, CURLOPT_LOCALPORT, ports.first);
  set(easy_, CURLOPT_LOCALPORTRANGE, ports.tried);
  set(easy_, CURLOPT_FRESH_CONNECT, 1L);
  set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy_, CURLOPT_CONNECTTIMEOUT_MS, no_own_limit_ms);
  set(easy_, CURLOPT_ERRORBUFFER, error_);
  set(easy_, CURLOPT_PREREQFUNCTION, &Transfer::on_ready);
  set(easy_, CURLOPT_PREREQDATA, this);
  if (uses_tls(attempt_)) prepare_tls(options);
  // Not together with FORBID_REUSE, which closes the connection as soon as it is made; libcurl never gives a
  // connect-only connection to another transfer, and closes it with this one.
  if (attempt_.protocol == Protocol::tls || exchange_)
    set(easy_, CURLOPT_CONNECT_ONLY, 1L);
  else
    prepare_http();
}

void Transfer::prepare_tls(const EngineOptions& options) {
  // The other end of an outer connection shows a certificate of the mesh.
  const std::string ca_file = attempt_.outer ? "" : options.ca_file;
  if (attempt_.outer) {
    set(easy_, CURLOPT_SSLCERT, (options.workload_certificate + "/cert-chain.pem").c_str());
    set(easy_, CURLOPT_SSLKEY, (options.workload_certificate + "/key.pem").c_str());
  }
  set(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  set(easy_, CURLOPT_SSL_VERIFYPEER, ca_file.empty() ? 0L : 1L);
  if (!ca_file.empty()) set(easy_, CURLOPT_CAINFO, ca_file.c_str());
  set(easy_, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  // tls_ offers it; libcurl would begin to speak HTTP/2 by itself wherever a peer chose it.
  set(easy_, CURLOPT_SSL_ENABLE_ALPN, 0L);
  set(easy_, CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_ssl_ctx);
  set(easy_, CURLOPT_SSL_CTX_DATA, this);
  set(easy_, CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

void Transfer::prepare_http() {
  const auto filled = [&](const std::string& text) { return fill_nonce(text, attempt_.nonce); };
  set(easy_, CURLOPT_FORBID_REUSE, 1L);
  set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy_, CURLOPT_WRITEDATA, this);
  set(easy_, CURLOPT_DEBUGFUNCTION, &Transfer::on_debug);
  set(easy_, CURLOPT_DEBUGDATA, this);
  set(easy_, CURLOPT_VERBOSE, 1L);
  set(easy_, CURLOPT_CUSTOMREQUEST, attempt_.method.c_str());
  if (attempt_.method == "HEAD") set(easy_, CURLOPT_NOBODY, 1L);
  set(easy_, CURLOPT_PATH_AS_IS, 1L);
  set(easy_, CURLOPT_REQUEST_TARGET, filled(attempt_.path).c_str());
  set(easy_, CURLOPT_HTTP09_ALLOWED, 0L);
  headers_ = curl_slist_append(nullptr, ("Host: " + filled(attempt_.host)).c_str());
  headers_ = curl_slist_append(headers_, ("egressproof-nonce: " + attempt_.nonce).c_str());
  for (const auto& [name, value] : attempt_.headers)
    headers_ = curl_slist_append(headers_, (filled(name) + (value.empty() ? ";" : ": " + filled(value))).c_str());
  set(easy_, CURLOPT_HTTPHEADER, headers_);
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  static_cast<Transfer*>(self)->reply_.append({data, size * count});
  return size * count;
}

CURLcode Transfer::on_ssl_ctx(CURL*, void* ctx, void* self) {
  return static_cast<Transfer*>(self)->tls_.install(static_cast<SSL_CTX*>(ctx)) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

// The connection is made, its handshake included.
int Transfer::on_ready(void* self, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.attempt_.protocol != Protocol::tls) transfer.clock_.enter(Stage::request);
  return CURL_PREREQFUNC_OK;
}

// libcurl tells of the header when it has been sent.
int Transfer::on_debug(CURL*, curl_infotype type, char*, std::size_t, void* self) {
  if (type == CURLINFO_HEADER_OUT) static_cast<Transfer*>(self)->clock_.enter(Stage::response);
  return 0;
}

// One attempt, one connection: libcurl must not quietly try again on a new one.
curl_socket_t Transfer::on_open(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (std::exchange(transfer.opened_, true)) return CURL_SOCKET_BAD;
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
  if (fd < 0) transfer.open_error_ = errno;
  transfer.socket_ = fd;
  transfer.cookie_ = cookie_of(fd);
  return fd;
}

// libcurl tells the local end of connections that were made; whoever dropped the packets of one that was not knows it
// by its ends too.
std::string Transfer::local_end() const {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (cookie_ == 0 || cookie_of(socket_) != cookie_ ||
      ::getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &size) != 0)
    return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool six = own.ss_family == AF_INET6;
  const auto* four = reinterpret_cast<const sockaddr_in*>(&own);
  const auto* longer = reinterpret_cast<const sockaddr_in6*>(&own);
  const void* address = six ? static_cast<const void*>(&longer->sin6_addr) : &four->sin_addr;
  if (::inet_ntop(own.ss_family, address, text.data(), text.size()) == nullptr) return {};
  return bracketed(text.data()) + ":" + std::to_string(ntohs(six ? longer->sin6_port : four->sin_port));
}

}  // namespace egressproof::probe
