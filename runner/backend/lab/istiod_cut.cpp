#include "runner/backend/lab/istiod_cut.h"

#include <fmt/format.h>

#include "base/json.h"
#include "runner/backend/lab/topology.h"

namespace egressproof::backend::lab {

std::string istiod_cut_ruleset() {
  return fmt::format(R"(table inet egressproof {{
  counter istiod_refused {{ }}
  chain istiod_cut {{
    type filter hook output priority 0; policy accept;
    ip daddr {} meta l4proto tcp tcp flags & rst == 0 counter name istiod_refused reject with tcp reset
  }}
}}
)",
                     istiod_address);
}

std::vector<std::string> istiod_cut_arguments() {
  return {"nft", "-j", "list", "counter", "inet", "egressproof", "istiod_refused"};
}

Result<std::uint64_t> parse_istiod_cut(std::string_view listing) {
  const Json json = Json::parse(listing, nullptr, false);
  if (json.is_object() && json.contains("nftables") && json["nftables"].is_array())
    for (const Json& item : json["nftables"])
      if (item.is_object() && item.contains("counter") && item["counter"].is_object() &&
          item["counter"].value("name", "") == "istiod_refused" && item["counter"].contains("packets") &&
          item["counter"]["packets"].is_number_unsigned())
        return item["counter"]["packets"].get<std::uint64_t>();
  return fail(ErrorKind::environment, "listing of nft: no counter 'istiod_refused'");
}

}  // namespace egressproof::backend::lab
