#include "target/stream.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>

namespace egressproof::target {
namespace {
constexpr std::chrono::milliseconds drain_time{500};
}

bool Stream::accept_tls(SSL_CTX* context, void* app_data) {
  ERR_clear_error();
  ssl_.reset(SSL_new(context));
  if (!ssl_) return false;
  SSL_set_app_data(ssl_.get(), app_data);
  return SSL_set_fd(ssl_.get(), socket_) == 1 && SSL_accept(ssl_.get()) == 1;
}

bool Stream::read(std::string& into) {
  std::array<char, 16384> buffer{};
  ERR_clear_error();  // SSL_read() judges by what an earlier call left in the queue
  const auto got = ssl_ ? SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()))
                        : ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  into.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

bool Stream::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    const auto sent = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                           : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Stream::finish() {
  ERR_clear_error();
  if (ssl_) SSL_shutdown(ssl_.get());
  ::shutdown(socket_, SHUT_WR);
  const auto deadline = std::chrono::steady_clock::now() + drain_time;
  std::array<char, 16384> unread{};
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd entry{socket_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0) return;
    if (::recv(socket_, unread.data(), unread.size(), MSG_DONTWAIT) <= 0) return;
  }
}

}  // namespace egressproof::target
