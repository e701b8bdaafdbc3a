// How the runner and a probe that is reached over a network (agent.h) know each other: both hold one key of the run,
// and each direction is signed with HMAC-SHA-256.
//
//   runner -> probe:  POST /v1/batches, the body being the lines of codec.h from "batch" to "run", with the field
//                     Egressproof-Signature: v1;run=RUN;issued=UNIX_MS;id=<32 hex>;mac=<64 hex>
//                     mac = HMAC(key, "egressproof batch v1\n" run "\n" issued "\n" id "\n" hex SHA-256(body))
//   probe -> runner:  the lines of codec.h up to the closing record, then one last line
//                     {"type":"signature","id":"<32 hex>","mac":"<64 hex>"}
//                     mac = HMAC(key, "egressproof result v1\n" id "\n" hex SHA-256(all earlier bytes of the body))
//
// The id makes a batch one of a kind: the probe carries it out once, and an answer fits no other batch.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace egressproof::probe {

inline constexpr const char* signature_field = "Egressproof-Signature";
inline constexpr const char* batch_path = "/v1/batches";
// How far `issued` may be from the probe's clock, before or after.
inline constexpr std::chrono::seconds signature_validity{60};

struct BatchSignature {
  std::string run;                      // 1 to 128 of [A-Za-z0-9._-]
  std::chrono::milliseconds issued{0};  // since the Unix epoch
  std::string id;                       // 32 lower-case hex digits, random
  std::string mac;                      // 64 lower-case hex digits
};

struct ResultSignature {
  std::string id;
  std::string mac;
};

bool is_run_id(std::string_view text);

// With a fresh id and the time of now.
BatchSignature sign_batch(std::string_view key, const std::string& run, std::string_view body);
// What the mac of `signature` must be.
std::string batch_mac(std::string_view key, const BatchSignature& signature, std::string_view body);
std::string result_mac(std::string_view key, const std::string& id, std::string_view earlier);

// The field's value. Errors: kind usage.
std::string encode(const BatchSignature& signature);
Result<BatchSignature> decode_batch_signature(std::string_view value);

// The last line, without its newline. Errors: kind usage.
std::string encode(const ResultSignature& signature);
Result<ResultSignature> decode_result_signature(std::string_view line);

}  // namespace egressproof::probe
