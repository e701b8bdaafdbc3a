#include <fmt/format.h>

#include "base/json.h"
#include "runner/backend/lab/nftables.h"

namespace egressproof::backend::lab {
namespace {

tl::unexpected<Error> refused(const std::string& because) {
  return fail(ErrorKind::environment, "listing of nft: " + because);
}

// What `nft -j list` says of the objects of one kind that are in our table. `whole`: it must list the table itself.
Result<std::vector<Json>> objects(std::string_view listing, const char* kind, bool whole,
                                  const char* family = "bridge") {
  const Json json = Json::parse(listing, nullptr, false);
  if (!json.is_object() || !json.contains("nftables") || !json["nftables"].is_array())
    return refused("no list 'nftables'");
  std::vector<Json> found;
  bool ours = false;
  for (const Json& item : json["nftables"]) {
    const auto is_ours = [&](const char* of_kind, const char* table_key) {
      if (!item.is_object() || !item.contains(of_kind) || !item[of_kind].is_object()) return false;
      const Json& object = item[of_kind];
      return object.value("family", Json()) == family && object.value(table_key, Json()) == "egressproof";
    };
    if (is_ours("table", "name")) ours = true;
    if (is_ours(kind, "table")) found.push_back(item[kind]);
  }
  if (whole && !ours) return refused("no table 'bridge egressproof'");
  return found;
}

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

std::string end_of(const std::string& address, std::uint64_t port) {
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

// Whose elements are the ends of connections: dropped by the network, refused or held in the pod.
bool is_of_connections(const std::string& set) {
  return set.starts_with("dropped") || set.starts_with("refused") || set.starts_with("held") ||
         set.starts_with("taken");
}

// One element of a set: {"elem": {"val": {"concat": [source, destination, protocol, sport, dport]}, "expires": s}}; of
// echo requests [source, destination, identifier].
std::optional<DroppedPacket> dropped(const Json& element, std::chrono::microseconds listed_at) {
  if (!element.is_object() || !element.contains("elem") || !element["elem"].is_object()) return std::nullopt;
  const Json& elem = element["elem"];
  const Json value = elem.value("val", Json());
  const Json expires = elem.value("expires", Json());
  if (!value.is_object() || !value.contains("concat") || !expires.is_number_unsigned()) return std::nullopt;
  const Json& ends = value["concat"];
  if (!ends.is_array() || ends.size() < 3 || !ends[0].is_string() || !ends[1].is_string()) return std::nullopt;
  const bool echo = ends.size() == 3 && ends[2].is_number_unsigned();
  if (!echo &&
      (ends.size() != 5 || !ends[2].is_string() || !ends[3].is_number_unsigned() || !ends[4].is_number_unsigned()))
    return std::nullopt;
  // Seconds are cut off what is left, so that the age is up to one second less than it seems.
  const auto age = dropped_memory - std::chrono::seconds(expires.get<std::int64_t>());
  const auto at = listed_at - age + std::chrono::milliseconds(500);
  if (echo)
    return DroppedPacket{"icmp", end_of(ends[0].get<std::string>(), ends[2].get<std::uint64_t>()),
                         end_of(ends[1].get<std::string>(), 0), at};
  return DroppedPacket{ends[2].get<std::string>(), end_of(ends[0].get<std::string>(), ends[3].get<std::uint64_t>()),
                       end_of(ends[1].get<std::string>(), ends[4].get<std::uint64_t>()), at};
}

}  // namespace

Result<NftCounters> parse_nft_counters(std::string_view listing) {
  const auto found = objects(listing, "counter", true);
  if (!found) return tl::unexpected(found.error());
  NftCounters counters;
  for (const Json& counter : *found) {
    const Json name = counter.value("name", Json());
    const Json packets = counter.value("packets", Json());
    if (!name.is_string() || !packets.is_number_unsigned()) return refused("a counter without name or packets");
    if (std::uint64_t* number = place(counters, name.get<std::string>())) *number = packets.get<std::uint64_t>();
  }
  return counters;
}

Result<std::vector<DroppedPacket>> parse_nft_drops(std::string_view listing, std::chrono::microseconds listed_at,
                                                   const char* family) {
  const auto found = objects(listing, "set", false, family);
  if (!found) return tl::unexpected(found.error());
  std::vector<DroppedPacket> drops;
  bool listed = false;
  for (const Json& set : *found) {
    const Json name = set.value("name", Json());
    if (!name.is_string() || !is_of_connections(name.get<std::string>())) continue;
    listed = true;
    for (const Json& element : set.value("elem", Json::array())) {
      auto one = dropped(element, listed_at);
      if (!one) return refused("an element of " + name.get<std::string>() + " that is not a dropped packet");
      drops.push_back(std::move(*one));
    }
  }
  if (!listed) return refused("no set of dropped packets");
  return drops;
}

}  // namespace egressproof::backend::lab
