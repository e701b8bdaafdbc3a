#include "runner/backend/lab/capture_witness.h"

#include <fmt/format.h>

#include <string_view>

#include "runner/policy/capture_hold.h"
#include "runner/policy/capture_refusal.h"
#include "runner/policy/capture_taken.h"

namespace egressproof::backend::lab {
namespace {

// A proxy that runs ends a connection as soon as its client did; one that hangs does not.
constexpr std::chrono::milliseconds proxy_end_limit{1000};

// Of a connection as its client made it, before any translation: what the sets hold.
constexpr const char* ends =
    "ct original ip saddr . ct original ip daddr . meta l4proto . ct original proto-src . ct original proto-dst";

std::string set_of_ends(const char* name, std::chrono::milliseconds remembered) {
  return fmt::format(R"(  set {} {{
    type ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service
    size 65535; flags dynamic,timeout; timeout {}ms
  }}
)",
                     name, remembered.count());
}

std::string_view what_became_of_it(std::string_view details) {
  if (details == policy::capture_refusal) return "a port on which nobody listens, and refused";
  if (details == policy::capture_taken) return "the proxy's port, where a listener of the tenant answered";
  return "the proxy, which ended it when the client had";
}

// `sets` and `rules` as they stand within table and chain.
std::string ruleset(const std::string& sets, const char* chain, const std::string& rules) {
  return fmt::format(R"(table inet egressproof {{
{}  chain {} {{
    type filter hook input priority 0; policy accept;
{}  }}
}}
)",
                     sets, chain, rules);
}

std::vector<std::string> list_arguments(const char* set) {
  return {"nft", "-j", "list", "set", "inet", "egressproof", set};
}

}  // namespace

std::string capture_witness_ruleset() {
  return ruleset(
      set_of_ends("refused4", dropped_memory), "input",
      fmt::format("    iifname \"lo\" ct direction reply ct status dnat tcp flags & rst == rst tcp sequence 0 add "
                  "@refused4 {{ {} }}\n",
                  ends));
}

std::vector<std::string> capture_refusals_arguments() { return list_arguments("refused4"); }

std::string capture_holds_ruleset() {
  return ruleset(
      set_of_ends("ended4", proxy_end_limit) + set_of_ends("held4", dropped_memory), "ended",
      fmt::format("    iifname \"lo\" ct direction original ct status dnat tcp dport {} tcp flags & fin == fin add "
                  "@ended4 {{ {} }}\n"
                  "    iifname \"lo\" ct direction reply ct status dnat tcp flags & fin == fin {} @ended4 add @held4 "
                  "{{ {} }}\n",
                  capture_port, ends, ends, ends));
}

std::vector<std::string> capture_holds_arguments() { return list_arguments("held4"); }

std::string capture_taken_ruleset() {
  return ruleset(
      set_of_ends("taken4", dropped_memory), "taken",
      fmt::format("    iifname \"lo\" ct direction reply ct status dnat meta l4proto tcp ct reply proto-src {} "
                  "tcp flags & (syn | ack) == (syn | ack) add @taken4 {{ {} }}\n",
                  capture_port, ends));
}

std::vector<std::string> capture_taken_arguments() { return list_arguments("taken4"); }

std::vector<policy::MeshRecord> capture_records(const std::vector<DroppedPacket>& connections, const PodPlace& pod,
                                                const char* details) {
  std::vector<policy::MeshRecord> records;
  for (const DroppedPacket& one : connections) {
    policy::MeshRecord record;
    record.proxy = policy::capture_witness(pod.witness.empty() ? pod.name : pod.witness);
    record.at = one.at;
    record.downstream = one.source;
    record.destination = one.destination;
    record.details = details;
    record.line = fmt::format("{} {} -> {} redirected to {}", one.protocol, one.source, one.destination,
                              what_became_of_it(details));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace egressproof::backend::lab
