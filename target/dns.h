// Answers of the authoritative DNS server. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "target/codec.h"

namespace egressproof::target {

struct DnsReply {
  std::string name;  // queried, without final dot
  std::vector<unsigned char> wire;
};

// The reply to one query in wire format; nothing: it is not a query. Exact names beat wildcards, longer wildcards
// shorter.
std::optional<DnsReply> answer_dns(const Config& config, const unsigned char* query, std::size_t size);

}  // namespace egressproof::target
