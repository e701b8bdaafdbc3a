// The probe's line protocol. One JSON object a line, discriminated by "type".
//
//   runner -> probe:  {"type":"batch","batch":"b1","parallel":200}   begins a batch
//                     {"type":"attempt","sequence":1,...}            any number
//                     {"type":"run"}                                 ends it; a closing record always follows
//   probe -> runner:  {"type":"hello","version":"...","features":["http/2",...]}  once, at start
//                     {"type":"observation","sequence":1,...}        in order of completion
//                     {"type":"problem","line":3,"column":17,"message":"..."}  a malformed line; the batch goes on
//                     {"type":"closing","batch":"b1","count":12,"sha256":"..."}  hash over the observation lines,
//                     each with its newline, in the order written
//
// Unknown keys are a problem, so that a misspelt field cannot silently change an attempt; so are a sequence or a nonce
// that came before in the batch. An attempt that this build cannot carry out is an observation with code unsupported.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "probe/attempt.h"
#include "probe/observation.h"

namespace egressproof::probe {

std::string to_string(Protocol protocol);
// Whether no connection is made: udp, icmp, ip, syn.
constexpr bool sends_datagrams(Protocol protocol) {
  return protocol == Protocol::udp || protocol == Protocol::icmp || protocol == Protocol::ip ||
         protocol == Protocol::syn;
}
// Whether what is dialled is an address alone: icmp, ip.
constexpr bool is_portless(Protocol protocol) { return protocol == Protocol::icmp || protocol == Protocol::ip; }
// Whether the client says nothing at all and waits for the other end: tcp without TLS, payload and ticks.
inline bool is_silent(const Attempt& attempt) {
  return attempt.protocol == Protocol::tcp && !attempt.over_tls && attempt.payload.empty() && !attempt.ticks;
}
std::string to_string(Stage stage);
std::string to_string(Code code);
// The nonce that the earlier request of an attempt carries: the first 32 digits of hex SHA-256(nonce + "/earlier").
std::string earlier_nonce(const std::string& nonce);
Result<Protocol> protocol_from(std::string_view text);
Result<Stage> stage_from(std::string_view text);
Result<Code> code_from(std::string_view text);

struct Problem {
  int line = 0;    // 1-based, counted from the "batch" line
  int column = 0;  // 1-based byte; 0 = the line as a whole
  std::string message;
};

// Lines without their newline.
std::string encode_batch_begin(const std::string& batch, int parallel);
std::string encode(const Attempt& attempt);
std::string encode_batch_run();
std::string encode(const Observation& observation);

// Error: Problem with line 0 (the caller knows it).
tl::expected<Attempt, Problem> decode_attempt(std::string_view line);
tl::expected<Observation, Problem> decode_observation(std::string_view line);

// What the runner collected from one batch, checked against what it asked for.
struct BatchResult {
  std::map<std::uint64_t, Observation> observations;  // by sequence
  std::vector<std::string> errors;  // problems told by the probe; missing, duplicated or foreign numbers; bad hash; ...
  bool closed = false;              // the closing record came and was right
};

// Feeds on the probe's output lines for one batch. Never throws; whatever is wrong ends up in errors.
class BatchReader {
 public:
  BatchReader(std::string batch, const std::vector<Attempt>& asked);
  // Returns true when the closing record of this batch was read.
  bool feed(std::string_view line);
  // Call at the end of the stream or the closing record: adds the missing numbers to errors.
  BatchResult finish();

 private:
  std::string batch_;
  std::map<std::uint64_t, std::string> asked_;  // sequence -> nonce
  std::string hashed_;
  std::uint64_t count_ = 0;
  bool ended_ = false;  // a closing record came, right or not
  BatchResult result_;
};

}  // namespace egressproof::probe
