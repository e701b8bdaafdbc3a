// What an enforcement point (a sidecar, a gateway) wrote in its access log of one request or connection.
#pragma once

#include <chrono>
#include <string>

namespace egressproof::policy {

// Field names follow Envoy's access log operators; "-" is stored as "".
struct MeshRecord {
  std::string proxy;  // pod whose proxy wrote it
  std::chrono::microseconds at{0};
  std::string nonce;              // %REQ(EGRESSPROOF-NONCE)%; empty for TCP and TLS: those join by `downstream`
  std::string downstream;         // %DOWNSTREAM_REMOTE_ADDRESS%: the probe's end of the connection
  std::string destination;        // %DOWNSTREAM_LOCAL_ADDRESS%: what the client dialled
  std::string upstream;           // %UPSTREAM_HOST%
  std::string upstream_local;     // %UPSTREAM_LOCAL_ADDRESS%: the proxy's end towards the target; a receipt's peer
  std::string cluster;            // %UPSTREAM_CLUSTER%
  std::string route;              // %ROUTE_NAME%
  int code = 0;                   // %RESPONSE_CODE%
  std::string flags;              // %RESPONSE_FLAGS%
  std::string details;            // %RESPONSE_CODE_DETAILS%
  std::string termination;        // %CONNECTION_TERMINATION_DETAILS%
  std::string transport_failure;  // %UPSTREAM_TRANSPORT_FAILURE_REASON%
  std::string sni;                // %REQUESTED_SERVER_NAME%
  std::string authority;          // %REQ(:AUTHORITY)%
  std::string chain;              // %FILTER_CHAIN_NAME%
  std::string line;               // as written
};

}  // namespace egressproof::policy
