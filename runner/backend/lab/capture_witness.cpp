#include "runner/backend/lab/capture_witness.h"

#include <fmt/format.h>

#include "runner/policy/capture_refusal.h"

namespace egressproof::backend::lab {

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

std::vector<policy::MeshRecord> capture_records(const std::vector<DroppedPacket>& refused, const PodPlace& pod) {
  std::vector<policy::MeshRecord> records;
  for (const DroppedPacket& one : refused) {
    policy::MeshRecord record;
    record.proxy = policy::capture_witness(pod.witness.empty() ? pod.name : pod.witness);
    record.at = one.at;
    record.downstream = one.source;
    record.destination = one.destination;
    record.details = policy::capture_refusal;
    record.line = fmt::format("{} {} -> {} redirected to a port on which nobody listens, and refused", one.protocol,
                              one.source, one.destination);
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace egressproof::backend::lab
