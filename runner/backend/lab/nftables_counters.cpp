#include <fmt/format.h>

#include "base/json.h"
#include "runner/backend/lab/nftables.h"

namespace egressproof::backend::lab {
namespace {

// Where the number of a counter of this name belongs; nullptr: not one of ours.
std::uint64_t* place(NftCounters& counters, const std::string& name) {
  const auto after = [&](std::string_view prefix) { return name.substr(prefix.size()); };
  if (name.starts_with("drop.egress.")) return &counters.drops[after("drop.egress.")].egress;
  if (name.starts_with("drop.ingress.")) return &counters.drops[after("drop.ingress.")].ingress;
  if (name.starts_with("spoof.")) return &counters.drops[after("spoof.")].spoofed;
  if (name.starts_with("policy.egress.")) return &counters.hits[after("policy.egress.")].egress;
  if (name.starts_with("policy.ingress.")) return &counters.hits[after("policy.ingress.")].ingress;
  return nullptr;
}

}  // namespace

Result<NftCounters> parse_nft_counters(std::string_view listing) {
  const auto refused = [](const std::string& because) {
    return fail(ErrorKind::environment, "listing of nft: " + because);
  };
  const Json json = Json::parse(listing, nullptr, false);
  if (!json.is_object() || !json.contains("nftables") || !json["nftables"].is_array())
    return refused("no list 'nftables'");
  NftCounters counters;
  bool ours = false;
  for (const Json& item : json["nftables"]) {
    const auto is_ours = [&](const char* kind, const char* table_key) {
      if (!item.is_object() || !item.contains(kind) || !item[kind].is_object()) return false;
      const Json& object = item[kind];
      return object.value("family", Json()) == "bridge" && object.value(table_key, Json()) == "egressproof";
    };
    if (is_ours("table", "name")) ours = true;
    if (!is_ours("counter", "table")) continue;
    const Json& counter = item["counter"];
    const Json name = counter.value("name", Json());
    const Json packets = counter.value("packets", Json());
    if (!name.is_string() || !packets.is_number_unsigned()) return refused("a counter without name or packets");
    if (std::uint64_t* number = place(counters, name.get<std::string>())) *number = packets.get<std::uint64_t>();
  }
  if (!ours) return refused("no table 'bridge egressproof'");
  return counters;
}

}  // namespace egressproof::backend::lab
