// A blocking byte stream over a socket, plain or TLS.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

namespace egressproof::target {

class Stream {
 public:
  // The socket stays the caller's. Its time-outs (SO_RCVTIMEO, SO_SNDTIMEO) end a call as an error.
  explicit Stream(int socket) : socket_(socket) {}

  // The server's side of a handshake; false: it failed. `app_data` is given to callbacks of the context.
  bool accept_tls(SSL_CTX* context, void* app_data);
  // Appends what is there, at least one byte. False: end, error, or nothing within the time-out.
  bool read(std::string& into);
  bool write(std::string_view bytes);
  // Ends the stream so that the peer gets all that was written: close_notify, FIN, and then what the peer still sends
  // is read for at most half a second, since closing with unread bytes would reset the connection.
  void finish();

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int socket_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace egressproof::target
