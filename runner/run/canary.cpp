#include "runner/run/canary.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/crypto.h"
#include "base/json.h"
#include "runner/policy/manifests.h"
#include "runner/policy/network_policy_split.h"
#include "runner/scenario/past_proxy.h"

namespace egressproof::run {
namespace {

constexpr const char* listed_host = "canary.egressproof.invalid";

// A connection that a network plugin drops, and the sidecar's answer to a client whose connection was, are seen by
// waiting in vain.
constexpr std::chrono::milliseconds patience{1000};
constexpr std::chrono::milliseconds patience_with_drops{400};

probe::Attempt canary_attempt(std::uint64_t sequence, const std::string& id, const char* address,
                              std::chrono::milliseconds limit) {
  probe::Attempt attempt;
  attempt.sequence = sequence;
  attempt.id = id;
  attempt.nonce = random_hex(16);
  attempt.protocol = probe::Protocol::tcp;
  attempt.address = address;
  attempt.port = canary_port;
  attempt.payload = "canary {nonce}\n";
  attempt.limits.connect = std::min(limit, std::chrono::milliseconds(500));
  attempt.limits.response = limit;
  return attempt;
}

bool genuine(const probe::Answer& answer, const std::string& nonce, const target::Fixture& fixture) {
  const std::string line = target::encode_answer(fixture, nonce, answer.receipt);
  return answer.nonce == nonce && answer.fixture == fixture.name && !answer.mac.empty() &&
         line.find(" mac=" + answer.mac + "\n") != std::string::npos;
}

}  // namespace

std::vector<scenario::Fixture> canary_fixtures() {
  scenario::Fixture listed;
  listed.name = canary_listed_fixture;
  listed.addresses = {canary_listed_address};
  listed.ports = {canary_port};
  scenario::Fixture unlisted = listed;
  unlisted.name = canary_unlisted_fixture;
  unlisted.addresses = {canary_unlisted_address};
  return {listed, unlisted};
}

std::string canary_manifests(const std::vector<scenario::Profile>& profiles) {
  std::string text;
  std::set<std::string> done;
  for (const scenario::Profile& profile : profiles) {
    if (profile.mesh == scenario::Mesh::none || !done.insert(profile.ns).second) continue;
    const Json entry = {{"apiVersion", "networking.istio.io/v1"},
                        {"kind", "ServiceEntry"},
                        {"metadata", {{"name", "egressproof-canary"}, {"namespace", profile.ns}}},
                        {"spec",
                         {{"hosts", {listed_host}},
                          {"addresses", {canary_listed_address}},
                          {"exportTo", {"."}},
                          {"location", "MESH_EXTERNAL"},
                          {"resolution", "STATIC"},
                          {"ports", {{{"number", canary_port}, {"name", "tcp"}, {"protocol", "TCP"}}}},
                          {"endpoints", {{{"address", canary_listed_address}}}}}}};
    text += "---\n" + entry.dump(2) + "\n";  // JSON is YAML
  }
  return text;
}

std::optional<plan::ExtraProbe> past_proxy_probe(const scenario::Profile& profile) {
  if (profile.mesh == scenario::Mesh::none || !policy::isolates_egress(profile)) return std::nullopt;
  const scenario::Identity& proxy = scenario::past_proxy_identity;
  return plan::ExtraProbe{profile.name, fmt::format("{}@{}:{}", profile.name, proxy.uid, proxy.gid), proxy, {}};
}

std::vector<Lookout> lookouts(const std::vector<scenario::Profile>& profiles) {
  std::vector<Lookout> made;
  for (const scenario::Profile& profile : profiles) {
    const bool overridden = profile.network_policy_overridden;
    const bool by_network = policy::isolates_egress(profile) && !overridden;
    made.push_back({profile.name, profile.name, policy::default_deny(profile), by_network, false,
                    profile.default_deny_overridden, overridden});
    if (const auto probe = past_proxy_probe(profile))
      made.push_back({probe->name, profile.name, false, by_network, true, false, overridden});
  }
  return made;
}

std::string to_string(Sight sight) {
  switch (sight) {
    case Sight::unclear:
      return "unclear";
    case Sight::allowed:
      return "allowed";
    case Sight::denied:
      return "denied";
  }
  return "unclear";
}

CanarySight judge_canary(const probe::Attempt& attempt, const probe::BatchResult& seen, const target::Journal& journal,
                         const target::Fixture& fixture) {
  const auto found = seen.observations.find(attempt.sequence);
  if (found == seen.observations.end())
    return {Sight::unclear, {}, seen.errors.empty() ? "the probe told nothing" : seen.errors.front()};
  const probe::Observation& observed = found->second;
  CanarySight sight{Sight::unclear, observed.started_at, {}};
  if (observed.code == probe::Code::local_error || observed.code == probe::Code::unsupported) {
    sight.why = "the probe could not try: " + observed.detail;
    return sight;
  }
  const bool arrived = std::any_of(journal.receipts.begin(), journal.receipts.end(), [&](const target::Receipt& one) {
    return one.nonce == attempt.nonce && one.fixture == fixture.name;
  });
  const bool answered = observed.answer && genuine(*observed.answer, attempt.nonce, fixture);
  if (arrived && answered && observed.code == probe::Code::ok)
    sight.sight = Sight::allowed;
  else if (!arrived && !observed.answer && observed.code != probe::Code::ok)
    sight.sight = Sight::denied;
  else
    sight.why = "the client saw '" + to_string(observed.code) + "' " + (answered ? "with" : "without") +
                " a genuine answer, " + (arrived ? "a" : "no") + " receipt was written";
  return sight;
}

CanaryRounds::CanaryRounds(backend::World& world, const std::vector<scenario::Profile>& profiles,
                           const std::map<std::string, std::string>& keys)
    : world_(world) {
  lookouts_ = lookouts(profiles);
  listed_.name = canary_listed_fixture;
  listed_.key = keys.at(listed_.name);
  unlisted_.name = canary_unlisted_fixture;
  unlisted_.key = keys.at(unlisted_.name);
}

Result<std::map<std::string, CanaryLook>> CanaryRounds::look() {
  ++round_;
  std::map<std::string, std::vector<probe::Attempt>> batches;
  for (const Lookout& one : lookouts_) {
    const auto limit = one.by_network ? patience_with_drops : patience;
    const auto id = [&](const char* which) { return fmt::format("canary/{}/{}/{}", which, one.pod, round_); };
    batches[one.pod] = {canary_attempt(1, id("listed"), canary_listed_address, limit),
                        canary_attempt(2, id("unlisted"), canary_unlisted_address, limit)};
  }
  const auto seen = world_.attempt(batches);
  if (!seen) return tl::unexpected(seen.error());
  const auto journal = world_.receipts();
  if (!journal) return tl::unexpected(journal.error());
  std::map<std::string, CanaryLook> looks;
  for (const auto& [pod, attempts] : batches) {
    const auto result = seen->find(pod);
    const probe::BatchResult& told = result == seen->end() ? probe::BatchResult{} : result->second;
    looks[pod] = {judge_canary(attempts[0], told, *journal, listed_),
                  judge_canary(attempts[1], told, *journal, unlisted_)};
  }
  return looks;
}

}  // namespace egressproof::run
