// NetworkPolicy in the lab's world: what a network plugin does in a cluster.
#include <algorithm>

#include "base/clock.h"
#include "runner/backend/lab/world.h"
#include "runner/policy/network_policy_split.h"

namespace egressproof::backend::lab {

Result<void> LabWorld::check_network_policies() const {
  for (const scenario::Profile& profile : blueprint_.profiles)
    if (const auto read = policy::network_policies(profile); !read) return tl::unexpected(read.error());
  return {};
}

Result<void> LabWorld::load_network_policies(const std::vector<policy::NetworkPolicy>& policies) {
  for (const scenario::Profile& profile : blueprint_.profiles)
    for (const auto* objects : {&profile.policies, &profile.added})
      has_network_policies_ =
          has_network_policies_ || std::any_of(objects->begin(), objects->end(), policy::is_network_policy);
  has_network_policies_ = has_network_policies_ || !policies.empty();
  // A ruleset without policies is loaded too: it lets everything pass, and remembers connections, which then live on
  // under those that come.
  if (!has_network_policies_) return {};
  const policy::Cluster cluster = cluster_of(pods_);
  const auto ruleset = nft_ruleset(policies, cluster, interfaces_of(pods_));
  if (!ruleset) return tl::unexpected(ruleset.error());
  idle_policies_ = idle_policies(policies, cluster);
  auto loaded = run_in(*world_ns_, nft_load_arguments(), *ruleset);
  if (loaded) return loaded;
  Error error = loaded.error();
  error.context.emplace_back("while loading NetworkPolicy into nftables");
  return tl::unexpected(std::move(error));
}

Result<std::vector<DroppedPacket>> LabWorld::dropped_packets() const {
  std::vector<DroppedPacket> all;
  if (!has_network_policies_) return all;
  for (const auto& arguments : nft_drops_arguments()) {
    const auto listing = output_in(*world_ns_, arguments);
    if (!listing) return tl::unexpected(listing.error());
    const auto drops = parse_nft_drops(*listing, clock_now());
    if (!drops) return tl::unexpected(drops.error());
    all.insert(all.end(), drops->begin(), drops->end());
  }
  return all;
}

std::vector<std::string> LabWorld::network_policy_problems() const {
  std::vector<std::string> problems = idle_policies_;
  if (!has_network_policies_) return problems;
  const auto there =
      output_in(*world_ns_, nft_list_arguments()).and_then([](const auto& text) { return parse_nft_counters(text); });
  if (!there) problems.push_back("the network policies are not in force any more: " + to_string(there.error()));
  return problems;
}

}  // namespace egressproof::backend::lab
