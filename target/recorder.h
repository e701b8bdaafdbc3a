// The way from what arrived at one fixture by one connection (or datagram) to its receipt, and from there to the
// answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "target/codec.h"
#include "target/journal.h"

namespace egressproof::target {

struct Ends {
  std::uint64_t connection = 0;  // 0: a datagram
  std::string local, peer;       // "address:port"; local as dialled, before any redirect
};

// What a request is answered with, whatever the version of HTTP.
struct HttpReply {
  int status = 200;
  std::string location;  // not empty: a redirect
  std::string body;      // the answer line, or what holds it
};

class Recorder {
 public:
  // Fixture and journal must outlive it.
  Recorder(Ends ends, const Fixture& fixture, JournalWriter& journal)
      : ends_(std::move(ends)), fixture_(fixture), journal_(journal) {}

  // Later receipts have this nonce unless they carry one of their own.
  void remember_nonce(std::string nonce) { nonce_ = std::move(nonce); }
  [[nodiscard]] Receipt receipt(ReceiptKind kind) const;
  // A receipt of kind payload with the first bytes, and with the nonce that stands in `searched` or else the remembered
  // one.
  [[nodiscard]] Receipt payload_receipt(std::string_view bytes, std::string_view searched) const;

  [[nodiscard]] bool speaks_first() const { return fixture_.speaks_first; }
  // The answer line; nothing: the receipt could not be written, so nothing may be answered.
  [[nodiscard]] std::optional<std::string> answer(const Receipt& receipt);
  // The same for a request: a redirect if its path asks for one, see redirect_location(), and within a JWK Set if the
  // path ends with "/jwks.json".
  [[nodiscard]] std::optional<HttpReply> answer_request(const Receipt& receipt);
  // For what has no answer. False: it could not be written, so the connection must end here.
  [[nodiscard]] bool write(const Receipt& receipt) { return journal_.write(receipt) != 0; }

 private:
  Ends ends_;
  const Fixture& fixture_;
  JournalWriter& journal_;
  std::string nonce_;
};

}  // namespace egressproof::target
