// Answers of the authoritative DNS server.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/codec.h"

namespace egressproof::target {

// Errors: kind usage, for a record that could never be answered: a name outside the served zones, an unknown type, a
// value that the type cannot hold.
Result<void> check_records(const Config& config);

enum class Transport { udp, tcp };

struct DnsReply {
  bool parsed = false;     // false: the query is malformed (FORMERR) and nothing below is known
  std::string name;        // queried, in lower case, without final dot
  std::string query_type;  // "A", "TYPE65"
  std::string wire;
};

// Exact names beat wildcards, longer wildcards shorter; a wildcard matches any depth below. A name that has no records
// itself but has names below it exists (NODATA). CNAMEs are followed within the served zones. Negative answers carry
// the zone's SOA. No recursion, no zone transfer.
class DnsAuthority {
 public:
  // The configuration must outlive it.
  explicit DnsAuthority(const Config& config) : config_(config) {}

  // The reply to one message in wire format; nothing: it is not a query (too short, or itself a response). Over UDP a
  // reply that does not fit what the client takes (512 bytes, or what EDNS says up to 1232) has TC set and no records.
  // Thread-safe; the same query gets the same reply but for records that rotate.
  std::optional<DnsReply> answer(std::string_view query, Transport transport);

  // From the next answer on, records that move (Record::moved_to) have moved. Thread-safe.
  void move_records() { moved_ = true; }

 private:
  std::vector<std::string> values_of(const Record& record, const std::string& name);

  const Config& config_;
  std::atomic<bool> moved_{false};
  std::mutex mutex_;
  std::map<std::pair<const Record*, std::string>, std::uint64_t> turns_;  // answers given, by record and name asked for
};

}  // namespace egressproof::target
