// What the client side saw (NDJSON out).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "probe/attempt.h"

namespace egressproof::probe {

enum class Stage { resolve, connect, tls, request, response };

// The stable set of outcome codes; docs/report-format.md lists them with their meaning. Written in snake_case.
enum class Code {
  ok,
  // resolve
  name_not_found,       // NXDOMAIN
  name_no_data,         // the name exists without an address of the family
  name_server_failure,  // SERVFAIL, REFUSED or a malformed answer
  name_timeout,
  // connect
  connect_refused,
  connect_timeout,
  connect_unreachable,
  connect_reset,
  // tls
  tls_closed,  // end of file during the handshake
  tls_reset,
  tls_alert,
  tls_timeout,
  tls_certificate,  // the peer's certificate does not chain to the run's CA
  // request and response
  request_reset,    // the connection failed while the request was being sent
  response_closed,  // end of file before a complete response
  response_reset,   // the connection, or the HTTP/2 stream, was reset
  response_timeout,
  protocol_error,  // the peer answered something that is not the protocol
  // the probe itself
  unsupported,  // this build cannot do it (reported, never a verdict)
  local_error   // the probe could not try; never evidence of denial
};

struct StageResult {
  Stage stage = Stage::resolve;
  Code code = Code::ok;
  std::chrono::microseconds took{0};
};

// The line by which a fixture names itself; see target/answer.h.
struct Answer {
  std::string fixture;
  std::string nonce;
  std::uint64_t receipt = 0;
  std::string mac;  // HMAC-SHA-256 by the fixture's key; checked by the runner, the probe does not know the key
};

// One tick of a long-lived attempt; see Ticks. The last one may have no answer.
struct Tick {
  std::chrono::microseconds sent_at{0};  // since the Unix epoch, system clock
  std::optional<std::chrono::microseconds> answered_after;
  int status = 0;  // of HTTP; 0: none, or not HTTP
};

struct Observation {
  std::uint64_t sequence = 0;
  std::string attempt_id;
  std::string nonce;
  Code code = Code::local_error;    // ok: every stage that the attempt asks for completed (whatever the HTTP status)
  Stage reached = Stage::resolve;   // the stage in which the attempt ended
  std::vector<StageResult> stages;  // in order; only those begun. After redirects: the resolve stage of every hop that
                                    // had one, then the other stages of the last hop
  std::chrono::microseconds started_at{0};  // since the Unix epoch, system clock
  std::chrono::microseconds finished_at{0};
  std::vector<std::string> addresses;  // as resolved, in order (of the last hop)
  std::string peer;                    // "address:port" dialled ("[v6]:port")
  std::string local;  // "address:port" of the probe's end; of a connect that timed out too; empty if none was begun
  std::optional<int> http_status;
  std::string http_version;  // "1.1", "2"
  std::string server_header;
  std::string alpn;         // negotiated
  std::string tls_version;  // "TLSv1.3"
  std::string certificate;  // common name of the peer's leaf certificate
  std::optional<Answer> answer;
  std::string body_excerpt;  // at most 512 bytes, non-printable bytes as \xNN
  std::uint64_t bytes_received = 0;
  std::vector<std::string> redirects;    // Location of each hop that was followed, as received
  std::vector<std::string> dns_answers;  // addresses, or the bytes of each TXT record
  std::vector<Tick> ticks;               // in order; http_status and answer are those of the last answered one
  std::string detail;                    // library text, for people only
};

}  // namespace egressproof::probe
