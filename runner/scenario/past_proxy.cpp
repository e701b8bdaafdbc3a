#include "runner/scenario/past_proxy.h"

#include <algorithm>
#include <chrono>
#include <set>

namespace egressproof::scenario {
namespace {

constexpr std::string_view prefix = "past-proxy.";       // no name in a file has a dot
constexpr std::chrono::milliseconds connect_limit{500};  // what is dropped is waited for in vain

using Row = std::map<std::string, Expectation>;

// Profiles with a NetworkPolicy in their own namespace.
std::set<std::string> with_network_policy(const Suite& suite) {
  std::set<std::string> names;
  for (const Profile& profile : suite.profiles)
    for (const PolicyObject& object : profile.policies)
      if (object.kind == "NetworkPolicy" && (object.ns.empty() || object.ns == profile.ns) &&
          profile.mesh != Mesh::none)
        names.insert(profile.name);
  return names;
}

Row denials(const Row& row, const std::set<std::string>& profiles) {
  Row kept;
  for (const auto& [profile, expectation] : row)
    if (expectation.expect == Expect::deny && profiles.contains(profile)) {
      kept[profile] = expectation;
      kept[profile].stance = Stance::enforced;
    }
  return kept;
}

bool is_sent_by_connection(const AttemptSpec& spec) {
  return spec.protocol == probe::Protocol::http1 || spec.protocol == probe::Protocol::http2 ||
         spec.protocol == probe::Protocol::tls || spec.protocol == probe::Protocol::tcp;
}

// Whether only NetworkPolicy stands between a process past the sidecar and what is dialled. What is long-lived is
// denied after it was allowed, and never was past the proxy.
bool leaves_directly(const AttemptSpec& spec) {
  static constexpr std::string_view gateway = "{gateway}";
  static constexpr std::string_view loopback = "127.";
  const std::string dialled = spec.dial.value_or(spec.to.value_or(""));
  return is_sent_by_connection(spec) && !spec.ticks && dialled.find(gateway) == std::string::npos &&
         !dialled.starts_with(loopback);
}

AttemptSpec with_limit(AttemptSpec spec) {
  spec.connect_limit = std::min(spec.connect_limit.value_or(connect_limit), connect_limit);
  return spec;
}

const Row& row_of(const Case& one, const std::string& variant) {
  const auto own = one.variant_expectations.find(variant);
  return own == one.variant_expectations.end() ? one.expectations : own->second;
}

// Without a cell if there is nothing to try.
Case past_proxy_of(const Case& one, const std::set<std::string>& profiles) {
  Case made = one;
  made.id = std::string(prefix) + one.id;
  made.title = one.title + ", past the proxy";
  made.identity = past_proxy_identity;
  made.tags = {"past-proxy"};
  made.needs.emplace_back("network-policy");
  made.why = "a process that the sidecar does not capture: nothing but NetworkPolicy stands in its way";
  made.fix = "an egress NetworkPolicy that selects the workload, and a network plugin that enforces it";
  made.corrections.clear();
  made.variants.clear();
  made.expectations.clear();
  made.variant_expectations.clear();
  made.attempt = with_limit(one.attempt);
  // The vantage sends what it sends for the case itself, so that both share their control.
  AttemptSpec control = one.control.value_or(AttemptSpec());
  if (!control.connect_limit) control.connect_limit = one.attempt.connect_limit.value_or(probe::StageLimits().connect);
  made.control = control;
  if (one.variants.empty() && leaves_directly(one.attempt)) made.expectations = denials(one.expectations, profiles);
  for (const Variant& variant : one.variants) {
    if (!leaves_directly(overlay(one.attempt, variant.attempt))) continue;
    const Row kept = denials(row_of(one, variant.name), profiles);
    if (kept.empty()) continue;
    made.variants.push_back({variant.name, with_limit(variant.attempt)});
    made.variant_expectations[variant.name] = kept;
  }
  return made;
}

}  // namespace

void add_past_proxy(Suite& suite) {
  const std::set<std::string> profiles = with_network_policy(suite);
  if (profiles.empty()) return;
  for (Scenario& scenario : suite.scenarios) {
    std::vector<Case> cases;
    for (Case& one : scenario.cases) {
      Case added = one.identity || one.fetched_by || !one.pods.empty() ? Case() : past_proxy_of(one, profiles);
      cases.push_back(std::move(one));
      if (!added.expectations.empty() || !added.variants.empty()) cases.push_back(std::move(added));
    }
    scenario.cases = std::move(cases);
  }
}

bool is_past_proxy(const std::string& case_id) { return case_id.starts_with(prefix); }

}  // namespace egressproof::scenario
