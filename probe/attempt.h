// What one attempt is told to do (NDJSON in). Everything is said separately, so that "Host-spoofed" is simply any
// disagreement among name, address, SNI and Host. The runner uses this header and codec.h, nothing else of the probe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace egressproof::probe {

enum class Protocol {
  http1,  // "http/1.1"
  http2,  // "http/2": ALPN h2 over TLS, prior knowledge (h2c) without
  tls,    // "tls": handshake only
  tcp,    // "tcp": connect, send the payload, read until the answer line, end of file or limit
  dns,    // "dns": one query by c-ares; nothing is dialled
  udp,    // "udp": the payload as datagrams, until an answer line comes
  icmp,   // "icmp": echo requests with the payload, until an echo reply comes; no port
  ip,     // "ip": the payload as that of an IPv4 packet of protocol `ip_protocol`; no port, no answer
  syn     // "syn": TCP SYNs with the payload in them, made by the probe itself on a packet socket, until the SYN/ACK
};

enum class Family { ipv4, ipv6, any };

// Limits of one stage each; a stage that passes its limit ends the attempt with that stage's *_timeout code.
struct StageLimits {
  std::chrono::milliseconds resolve{4000};
  std::chrono::milliseconds connect{2000};
  std::chrono::milliseconds tls{6000};
  std::chrono::milliseconds response{6000};  // request sent until response complete; also for sending it
};

// A GET sent first on the same connection (HTTP only). The attempt itself fails with local_error if the connection
// could not be re-used. So that its receipt is never taken for the attempt's, this request carries a nonce of its own,
// earlier_nonce(nonce) of codec.h (in its path and its egressproof-nonce header), and "egressproof-earlier: 1".
struct EarlierRequest {
  std::string host;                       // Host or :authority
  std::string path = "/earlier/{nonce}";  // here "{nonce}" stands for earlier_nonce(nonce)
};

using Fields = std::vector<std::pair<std::string, std::string>>;

// Makes an attempt long-lived: something is sent time and again on its one connection, a tick each. The next one goes
// out once the one before was answered. The limit of the response holds for each.
//   http/1.1: the request, with "?tick=1" ("?tick=2" ...) at the end of its path. Whatever the status of an answer, the
//             ticks go on. After 101 (Switching Protocols) they are those of tcp.
//   tcp:      the line "egressproof NONCE tick 1"; an answer line answers it
struct Ticks {
  std::chrono::milliseconds every{100};     // from one tick to the next
  std::chrono::milliseconds lasting{1000};  // after that time none is sent; the attempt ends well once all are answered
};

// Between two pieces of a ClientHello: long enough that a proxy on a busy machine reads them one by one.
inline constexpr std::chrono::milliseconds hello_pause{20};

// A connection of mutual TLS, within which the attempt's own handshake is made: what an Istio proxy makes of a client's
// TLS that it forwards by SNI to a gateway with ISTIO_MUTUAL. The client certificate is that of the workload (see
// EngineOptions); whose certificate the other end shows is not asked.
struct OuterTls {
  std::string sni;
  bool operator==(const OuterTls&) const = default;
};

// In host, sni, outer.sni, path, headers, fields, payload and name, "{nonce}" stands for the nonce.
struct Attempt {
  std::uint64_t sequence = 0;  // 1, 2, 3 ... within the batch
  std::string id;              // unique in the run, for people: "host-spoof-other-ip/P3/probe"
  std::string nonce;           // 32 lower-case hex digits, unique in the run
  Protocol protocol = Protocol::http1;
  std::string name;        // to resolve; empty: nothing is resolved and `address` is dialled
  std::string address;     // IP literal to dial; empty: the first address that `name` resolved to
  std::uint16_t port = 0;  // to dial (dns: port of `server`, default 53)
  Family family = Family::ipv4;
  bool over_tls = false;           // http1, http2, tcp; protocol tls implies it
  std::optional<std::string> sni;  // sent byte for byte; "" or absent: no server_name extension
  std::vector<std::string> alpn;  // offered in this order; empty: the protocol's own. "ep-<nonce>" is always added last
  std::optional<OuterTls> outer;  // protocol tls only
  bool ech_extension = false;     // adds an encrypted_client_hello (0xfe0d) extension holding the nonce (not real ECH)
  std::string tls_version;        // "1.2", "1.3": the only one offered; empty: those of OpenSSL
  int hello_segments = 1;         // TLS: the ClientHello is written in so many pieces, hello_pause apart; at most 64
  std::string host;               // Host or :authority; required for http1 and http2
  std::string method = "GET";
  std::string path = "/r/{nonce}";  // request-target, sent as is (absolute-form allowed for http1)
  Fields headers;                   // added to those of the probe
  Fields fields;  // HTTP: replaces the whole header block, sent as is, in this order. http2: pseudo-headers included;
                  // http1: after "METHOD PATH HTTP/VERSION", one "name: value" line each. Nothing is added.
  std::string http_version = "1.1";  // http1 with fields only: of the request line, "1.0"
  std::string payload;               // tcp, udp, icmp, ip, syn: bytes to send; if it lacks "{nonce}" it carries none
  int ip_protocol = 0;               // ip: the number of the protocol, from 1 to 255
  int datagrams = 5;                 // udp, icmp, ip, syn: sent at most, spread over the limit of the response
  bool expects_answer =
      true;  // udp, icmp, syn; false (ip: always): the attempt is ok once all are sent and no error came back
  // Hops followed at most. Each is a new connection, resolved afresh by name, with the same nonce, `headers` (less
  // Authorization and Cookie on another host), limits and family; SNI and Host are those of the Location; `fields` and
  // `earlier` are not repeated. A Location that is not http or https ends the attempt with the redirect's status.
  int follow_redirects = 0;
  std::optional<EarlierRequest> earlier;
  std::optional<Ticks> ticks;           // http1 without fields, earlier and redirects; tcp without payload
  std::string query_type = "A";         // dns: A, AAAA, TXT
  std::string query_transport = "udp";  // dns: udp (tcp after a truncated answer) or tcp
  std::string server;                   // dns: IP literal; empty: resolv.conf
  StageLimits limits;
};

}  // namespace egressproof::probe
