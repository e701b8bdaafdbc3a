#include <algorithm>
#include <map>
#include <set>

#include "base/crypto.h"
#include "base/nearest.h"
#include "probe/codec.h"
#include "runner/plan/needed.h"
#include "runner/plan/plan.h"
#include "runner/plan/resolve.h"
#include "runner/plan/select.h"
#include "runner/scenario/names.h"
#include "runner/scenario/needs.h"
#include "runner/scenario/workload.h"

namespace egressproof::plan {
namespace {

constexpr std::size_t nonce_digits = 32;

const scenario::Expectation* expectation_of(const scenario::Case& one, const std::string& variant,
                                            const std::string& profile) {
  const auto own = one.variant_expectations.find(variant);
  const auto& row = own == one.variant_expectations.end() ? one.expectations : own->second;
  const auto found = row.find(profile);
  return found == row.end() ? nullptr : &found->second;
}

class Maker {
 public:
  Maker(const scenario::Suite& suite, const Picker& picker, const Capabilities& capabilities, const std::string& seed)
      : suite_(suite), picker_(picker), capabilities_(capabilities) {
    plan_.seed = seed;
  }

  Result<Plan> run() {
    const auto vantage =
        std::find_if(suite_.profiles.begin(), suite_.profiles.end(), [](const auto& one) { return one.vantage; });
    if (vantage == suite_.profiles.end()) return fail(ErrorKind::scenario, "no profile is the vantage");
    vantage_ = vantage->name;
    for (const scenario::Scenario& scenario : suite_.scenarios)
      for (const scenario::Case& one : scenario.cases) add_case(scenario, one);
    if (!problems_.empty()) {
      std::string all;
      for (const std::string& problem : problems_) all += (all.empty() ? "" : "\n") + problem;
      return fail(ErrorKind::scenario, all);
    }
    for (const scenario::Profile& profile : suite_.profiles)
      if (is_needed(plan_, suite_.profiles, profile)) plan_.profiles.push_back(profile);
    return std::move(plan_);
  }

 private:
  // What the world cannot do of what the profile's policies are: one that does not enforce NetworkPolicy cannot show
  // what a profile with one does, and one without Kubernetes has nobody for a Service. Empty: nothing.
  [[nodiscard]] std::string missing_of(const scenario::Profile& profile) const {
    for (const scenario::PolicyObject& object : profile.policies) {
      const std::string need = policy_need(object);
      if (!need.empty() && capabilities_.features.count(need) == 0) return need;
    }
    return {};
  }

  void skip_profile(const scenario::Scenario& scenario, const scenario::Profile& profile, const std::string& need) {
    if (!skipped_profiles_.emplace(scenario.name, profile.name).second) return;
    const auto why = capabilities_.why_not.find(need);
    plan_.skips.push_back(
        {scenario.name, "", profile.name,
         "needs: " + need + " (" +
             (why == capabilities_.why_not.end() ? "the " + capabilities_.backend + " cannot do this" : why->second) +
             ")"});
  }

  void add_case(const scenario::Scenario& scenario, const scenario::Case& one) {
    std::string missing;
    for (const std::string& need : one.needs)
      if (capabilities_.features.count(need) == 0) missing += (missing.empty() ? "" : ", ") + need;
    control_ids_ = 0;
    bool skipped = false;
    const auto add_row = [&](const RowName& row, const scenario::AttemptSpec& spec) {
      if (!picker_.picks(row, one)) return;
      for (const scenario::Profile& profile : suite_.profiles) {
        const scenario::Expectation* expectation = expectation_of(one, row.variant, profile.name);
        if (expectation == nullptr || !picker_.picks(profile)) continue;
        if (const std::string need = missing_of(profile); !need.empty()) {
          skip_profile(scenario, profile, need);
        } else if (missing.empty()) {
          add_cell(row, one, spec, profile, *expectation);
        } else if (!skipped) {
          skipped = true;
          plan_.skips.push_back(
              {scenario.name, one.id, "", "needs: " + missing + " (the " + capabilities_.backend + " cannot do this)"});
        }
      }
    };
    if (one.variants.empty()) add_row({scenario.name, one.id, ""}, one.attempt);
    for (const scenario::Variant& variant : one.variants)
      add_row({scenario.name, one.id, variant.name}, scenario::overlay(one.attempt, variant.attempt));
  }

  void add_cell(const RowName& row, const scenario::Case& one, const scenario::AttemptSpec& spec,
                const scenario::Profile& profile, const scenario::Expectation& expectation) {
    const Directory directory(suite_, profile);
    const auto complain = [&](const std::string& what) {
      const std::string place = to_string(one.at);
      problems_.push_back((place.empty() ? "" : place + ": ") + row.scenario + "/" + row_id(row) + " in " +
                          profile.name + ": " + what);
    };
    Cell cell;
    cell.scenario = row.scenario;
    cell.case_id = row_id(row);
    cell.profile = profile.name;
    cell.via =
        profile.gateway.empty() ? profile.name : scenario::gateway_owner(suite_.profiles, profile).name + ".gateway";
    cell.pod = sender(row, one, profile.name, spec.ticks.has_value());
    if (spec.ticks) {
      cell.cut_within = spec.ticks->cut_within;
      cell.cut_from = spec.ticks->cut_from;
    }
    cell.default_deny_overridden = profile.default_deny_overridden;
    if (scenario::has_need(one, "record-changes")) plan_.moves_records = true;
    // One in a pod of its own leaves by that.
    if (!one.pods.empty() && profile.gateway.empty()) cell.via = cell.pod;
    if (one.fetched_by) {
      cell.fetched = true;
      cell.pod = cell.via = *one.fetched_by == scenario::Fetcher::istiod ? istiod_end : profile.name;
    }
    cell.expectation = expectation;
    auto sent = resolve(directory, spec, Dialling::client);
    if (!sent) return complain(sent.error().message);
    cell.attempt = std::move(sent->attempt);
    name_attempt(cell.attempt, cell.scenario + "/" + cell.case_id + "/" + cell.profile);

    const auto host = directory.fill(one.target_host, cell.attempt.family);
    if (!host) return complain("'target-host': " + host.error().message);
    cell.target = {sent->fixture, *host};
    if (!one.target.empty()) {
      const scenario::Fixture* target = directory.fixture(one.target);
      if (target == nullptr) {
        const auto close = nearest(one.target, directory.dialable_names());
        return complain("'target' names '" + one.target + "', which is no role or fixture" +
                        (close ? " (did you mean '" + *close + "'?)" : ""));
      }
      cell.target.fixture = target->name;
    }
    if (const std::string why = put_relay(sent->fixture, one.target.empty(), cell); !why.empty()) return complain(why);
    if (const scenario::Fixture* at = scenario::find_fixture(suite_, cell.target.fixture); at != nullptr) {
      cell.inbound = at->pod;
      if (!at->pod.empty()) cell.via = inbound_end(at->pod);
    }
    if (cell.target.fixture.empty()) return complain("no fixture owns what is dialled: say 'target'");
    if (expectation.expect == scenario::Expect::reroute) {
      cell.rerouted_to = rerouted_to(directory, cell.attempt, cell.target.fixture);
      if (cell.rerouted_to.empty())
        return complain("a reroute is expected, but no role or fixture beside the target has its Host or SNI");
    }
    const auto control = control_of(directory, row, one, spec, cell.target);
    if (!control) return complain("control: " + control.error().message);
    cell.control = *control;
    plan_.cells.push_back(std::move(cell));
  }

  // Who relays leaves no receipt: what is dialled there arrives, if it does, where it relays to. "" or what is wrong.
  std::string put_relay(const std::string& dialled, bool default_target, Cell& cell) const {
    const scenario::Fixture* relay = scenario::find_fixture(suite_, dialled);
    if (relay != nullptr && !relay->relays_to.empty()) {
      if (default_target) cell.target.fixture = relay->relays_to;
      if (cell.target.fixture == relay->relays_to) cell.via = relay_end(relay->name);
    }
    const scenario::Fixture* target = scenario::find_fixture(suite_, cell.target.fixture);
    if (target == nullptr || target->relays_to.empty()) return {};
    return "'target' names '" + target->name + "', which leaves no receipts: it relays to '" + target->relays_to + "'";
  }

  // Index of the control of the same request and destination, made if there is none yet.
  Result<std::size_t> control_of(const Directory& directory, const RowName& row, const scenario::Case& one,
                                 const scenario::AttemptSpec& spec, const Destination& expected) {
    scenario::AttemptSpec asked = one.control ? scenario::overlay(spec, *one.control) : spec;
    asked.outer.reset();  // there is no gateway on the vantage's way, and the vantage has no identity in the mesh
    const auto sent = resolve(directory, asked, Dialling::real);
    if (!sent) return tl::unexpected(sent.error());
    const std::string key =
        probe::encode(sent->attempt) + "\n" + expected.fixture + "\n" + expected.host + "\n" + one.control_from;
    const auto [found, fresh] = control_by_request_.emplace(key, plan_.controls.size());
    if (!fresh) return found->second;
    Control made;
    made.id = "control/" + row.scenario + "/" + row.case_id + "/" + std::to_string(++control_ids_);
    made.before = made.after = sent->attempt;
    name_attempt(made.before, made.id + "/before");
    name_attempt(made.after, made.id + "/after");
    made.expected = expected;
    made.from = one.control_from;
    if (made.after.ticks) {
      made.before.ticks->lasting = made.before.ticks->every * 3 / 2;
      made.beside = own_probe(vantage_, scenario::Identity{}, "", std::nullopt);
    }
    plan_.controls.push_back(std::move(made));
    return found->second;
  }

  // Name of the probe that sends the row in the profile; made if there is none yet.
  // What is long-lived is not sent by the pod's ordinary probe, which looks at the canaries meanwhile.
  std::string sender(const RowName& row, const scenario::Case& one, const std::string& profile, bool long_lived) {
    auto pod = one.pods.find(row.variant);
    if (pod == one.pods.end()) pod = one.pods.find("");
    if (!one.identity && pod == one.pods.end() && !long_lived) return profile;
    // Variants share a pod in which nothing is done before and which does not begin with the attempt.
    const bool shared = pod != one.pods.end() && pod->first.empty() && pod->second.first.empty() &&
                        !pod->second.from_zero && !pod->second.init_container;
    return own_probe(profile, one.identity.value_or(scenario::Identity{}), shared ? one.id : row_id(row),
                     pod == one.pods.end() ? std::nullopt : std::optional(pod->second));
  }

  std::string own_probe(const std::string& profile, const scenario::Identity& identity, const std::string& row,
                        const std::optional<scenario::PodTemplate>& pod) {
    std::string name =
        pod ? profile + "+" + row : profile + "@" + std::to_string(identity.uid) + ":" + std::to_string(identity.gid);
    for (const std::string& capability : identity.capabilities) name += "," + capability;
    if (std::none_of(plan_.extra_probes.begin(), plan_.extra_probes.end(),
                     [&](const ExtraProbe& each) { return each.name == name; }))
      plan_.extra_probes.push_back({profile, name, identity, pod});
    return name;
  }

  void name_attempt(probe::Attempt& attempt, const std::string& id) const {
    attempt.id = id;
    attempt.nonce = hmac_sha256_hex(plan_.seed, id).substr(0, nonce_digits);
  }

  std::set<std::pair<std::string, std::string>> skipped_profiles_;  // scenario, profile
  const scenario::Suite& suite_;
  const Picker& picker_;
  const Capabilities& capabilities_;
  Plan plan_;
  std::string vantage_;
  std::map<std::string, std::size_t> control_by_request_;
  int control_ids_ = 0;  // within the case
  std::vector<std::string> problems_;
};

}  // namespace

Result<Plan> make(const scenario::Suite& suite, const Selection& selection, const Capabilities& capabilities,
                  const std::string& seed) {
  const auto picker = Picker::create(suite, selection);
  if (!picker) return tl::unexpected(picker.error());
  return Maker(suite, *picker, capabilities, seed).run();
}

}  // namespace egressproof::plan
