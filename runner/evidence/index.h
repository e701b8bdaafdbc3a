// Receipts and mesh records by everything that an attempt can be found by. Pure; borrows what it indexes.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "probe/observation.h"
#include "runner/policy/mesh_record.h"
#include "target/codec.h"

namespace egressproof::evidence {

// Both ends of a connection as "address:port". An end that is empty is not known and fits any.
struct Ends {
  std::string peer;   // who connected
  std::string local;  // what was dialled
};

// Ephemeral ports are used again: what is joined by a port alone must lie within the attempt's time and this much
// around it. Clocks are those of one machine.
inline constexpr std::chrono::microseconds slack{1000000};

struct Span {
  std::chrono::microseconds begin{0}, end{0};
};
Span span_of(const probe::Observation& observed);  // slack included
// For what the network plugin tells: it knows the second of a drop, less the time that a loaded machine takes to list
// many. A probe uses no local port twice in so short a time.
Span network_span_of(const probe::Observation& observed);
// The probe's end and what it dialled, in the form in which the other witnesses write them.
Ends ends_of(const probe::Observation& observed);

class ReceiptIndex {
 public:
  explicit ReceiptIndex(const target::Journal& journal);
  ReceiptIndex(const ReceiptIndex&) = delete;
  ReceiptIndex& operator=(const ReceiptIndex&) = delete;

  [[nodiscard]] const std::vector<const target::Receipt*>& of_nonce(const std::string& nonce) const;
  [[nodiscard]] const std::vector<const target::Receipt*>& of_connection(std::uint64_t connection) const;
  [[nodiscard]] bool carries_nonce(std::uint64_t connection) const;
  [[nodiscard]] bool carries_other_nonce(std::uint64_t connection, const std::string& nonce) const;
  // The newest connection between these ends that was opened within the span; 0: none. `peer` must be known.
  [[nodiscard]] std::uint64_t connection_between(const Ends& ends, const Span& span) const;
  // Packets without a nonce between these ends within the span that became neither connection nor datagram.
  [[nodiscard]] std::vector<const target::Receipt*> packets_between(const Ends& ends, const Span& span) const;
  // All accepted connections, and all packets that became none.
  [[nodiscard]] const std::vector<const target::Receipt*>& connections() const { return opened_; }

 private:
  std::map<std::string, std::vector<const target::Receipt*>> by_nonce_;
  std::map<std::uint64_t, std::vector<const target::Receipt*>> by_connection_;
  std::map<std::uint64_t, std::set<std::string>> nonces_;
  std::vector<target::Receipt> packets_;
  std::map<std::string, std::vector<const target::Receipt*>> by_peer_, packets_by_peer_;
  std::vector<const target::Receipt*> opened_;
};

class RecordIndex {
 public:
  explicit RecordIndex(const std::vector<policy::MeshRecord>& records);

  using Found = std::set<const policy::MeshRecord*>;
  void add_of_nonce(const std::string& nonce, Found& found) const;
  // Records without a nonce of connections from `ends.peer` to `ends.local` as the proxy was dialled; `proxy` empty:
  // any.
  void add_of_downstream(const std::string& proxy, const Ends& ends, const Span& span, Found& found) const;
  // Records without a nonce whose proxy opened the connection between `ends`.
  void add_of_upstream(const Ends& ends, const std::optional<Span>& span, Found& found) const;
  // Whether the proxy logged anything before `begin` and after `end`.
  [[nodiscard]] bool seen_around(const std::string& proxy, const Span& span) const;

 private:
  std::map<std::string, std::vector<const policy::MeshRecord*>> by_nonce_, by_downstream_, by_upstream_local_;
  std::map<std::string, Span> seen_;  // proxy -> first and last record
};

}  // namespace egressproof::evidence
