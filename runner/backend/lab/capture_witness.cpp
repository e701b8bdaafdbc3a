#include "runner/backend/lab/capture_witness.h"

#include <fmt/format.h>

#include "runner/policy/capture_hold.h"
#include "runner/policy/capture_refusal.h"

namespace egressproof::backend::lab {
namespace {
// A proxy that runs ends a connection as soon as its client did; one that hangs does not.
constexpr std::chrono::milliseconds proxy_end_limit{1000};
}  // namespace

std::string capture_witness_ruleset() {
  return fmt::format(R"(table inet egressproof {{
  set refused4 {{
    type ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service
    size 65535; flags dynamic,timeout; timeout {}s
  }}
  chain input {{
    type filter hook input priority 0; policy accept;
    iifname "lo" ct direction reply ct status dnat tcp flags & rst == rst tcp sequence 0 add @refused4 {{ ct original ip saddr . ct original ip daddr . meta l4proto . ct original proto-src . ct original proto-dst }}
  }}
}}
)",
                     dropped_memory.count());
}

std::vector<std::string> capture_refusals_arguments() {
  return {"nft", "-j", "list", "set", "inet", "egressproof", "refused4"};
}

std::string capture_holds_ruleset() {
  constexpr const char* ends =
      "ct original ip saddr . ct original ip daddr . meta l4proto . ct original proto-src . ct original proto-dst";
  return fmt::format(R"(table inet egressproof {{
  set ended4 {{
    type ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service
    size 65535; flags dynamic,timeout; timeout {}ms
  }}
  set held4 {{
    type ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service
    size 65535; flags dynamic,timeout; timeout {}s
  }}
  chain ended {{
    type filter hook input priority 0; policy accept;
    iifname "lo" ct direction original ct status dnat tcp dport {} tcp flags & fin == fin add @ended4 {{ {} }}
    iifname "lo" ct direction reply ct status dnat tcp flags & fin == fin {} @ended4 add @held4 {{ {} }}
  }}
}}
)",
                     proxy_end_limit.count(), dropped_memory.count(), capture_port, ends, ends, ends);
}

std::vector<std::string> capture_holds_arguments() {
  return {"nft", "-j", "list", "set", "inet", "egressproof", "held4"};
}

std::vector<policy::MeshRecord> capture_records(const std::vector<DroppedPacket>& connections, const PodPlace& pod,
                                                const char* details) {
  const bool refused = details == std::string_view(policy::capture_refusal);
  std::vector<policy::MeshRecord> records;
  for (const DroppedPacket& one : connections) {
    policy::MeshRecord record;
    record.proxy = policy::capture_witness(pod.witness.empty() ? pod.name : pod.witness);
    record.at = one.at;
    record.downstream = one.source;
    record.destination = one.destination;
    record.details = details;
    record.line = fmt::format(
        "{} {} -> {} redirected to {}", one.protocol, one.source, one.destination,
        refused ? "a port on which nobody listens, and refused" : "the proxy, which ended it when the client had");
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace egressproof::backend::lab
