// The throw-away CA of one run and the fixtures' TLS contexts.
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "target/codec.h"

namespace egressproof::target {

using TlsContext = std::shared_ptr<SSL_CTX>;

struct Authority {
  std::string ca_pem;
  std::map<std::string, TlsContext> contexts;  // by fixture; ALPN: h2, else http/1.1, of what is offered, else none
};

// One leaf per fixture, CN = its name, SAN = its DNS names and addresses; see base/x509.h. Issued by the CA of the
// configuration's files or, without them, by one made for this process. Errors name file or fixture.
Result<Authority> make_authority(const Config& config);

}  // namespace egressproof::target
