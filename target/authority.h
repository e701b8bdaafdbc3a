// The throw-away CA of one run and the fixtures' TLS contexts. Keys stay in memory.
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
  std::map<std::string, TlsContext> contexts;  // by fixture; ALPN: http/1.1 if offered, else none
};

// One P-256 CA and one leaf per fixture, CN = its name, SAN = its DNS names and addresses; valid from an hour ago for 7
// days.
Result<Authority> make_authority(const std::vector<Fixture>& fixtures);

}  // namespace egressproof::target
