// How one canary attempt is read, and how a turn is recorded.
#include <gmock/gmock.h>

#include "runner/run/canary.h"
#include "runner/run/turn.h"

namespace egressproof::run {
namespace {

using std::chrono::microseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string nonce(32, 'a');

target::Fixture fixture() {
  target::Fixture one;
  one.name = canary_listed_fixture;
  one.key = "key";
  return one;
}

probe::Answer genuine_answer(const std::string& key = "key") {
  target::Fixture one = fixture();
  one.key = key;
  const std::string line = target::encode_answer(one, nonce, 7);
  const std::size_t mac = line.find("mac=") + 4;
  return {canary_listed_fixture, nonce, 7, line.substr(mac, 64)};
}

struct Witnessed {
  probe::Code code = probe::Code::ok;
  bool receipt = false;
  std::optional<probe::Answer> answer;
};

CanarySight judged(const Witnessed& witnessed) {
  probe::Attempt attempt;
  attempt.sequence = 1;
  attempt.nonce = nonce;
  probe::BatchResult seen;
  probe::Observation& observed = seen.observations[1];
  observed.code = witnessed.code;
  observed.answer = witnessed.answer;
  observed.started_at = microseconds(5);
  target::Journal journal;
  if (witnessed.receipt) {
    target::Receipt receipt;
    receipt.nonce = nonce;
    receipt.fixture = canary_listed_fixture;
    journal.receipts.push_back(receipt);
  }
  return judge_canary(attempt, seen, journal, fixture());
}

TEST(Canary, IsAllowedOnlyWithReceiptAndGenuineAnswer) {
  EXPECT_EQ(judged({probe::Code::ok, true, genuine_answer()}).sight, Sight::allowed);
  EXPECT_EQ(judged({probe::Code::ok, true, genuine_answer()}).at, microseconds(5));
  EXPECT_EQ(judged({probe::Code::ok, false, genuine_answer()}).sight, Sight::unclear);
  EXPECT_EQ(judged({probe::Code::ok, true, std::nullopt}).sight, Sight::unclear);
  EXPECT_EQ(judged({probe::Code::ok, true, genuine_answer("another key")}).sight, Sight::unclear);
}

TEST(Canary, IsDeniedOnlyWithoutAnyTrace) {
  EXPECT_EQ(judged({probe::Code::response_closed, false, std::nullopt}).sight, Sight::denied);
  EXPECT_EQ(judged({probe::Code::response_closed, true, std::nullopt}).sight, Sight::unclear);
  EXPECT_EQ(judged({probe::Code::ok, false, std::nullopt}).sight, Sight::unclear);
}

TEST(Canary, AProbeThatCouldNotTryIsNeither) {
  EXPECT_EQ(judged({probe::Code::local_error, false, std::nullopt}).sight, Sight::unclear);
  EXPECT_EQ(judged({probe::Code::unsupported, false, std::nullopt}).sight, Sight::unclear);
  const CanarySight silent = judge_canary({}, {{}, {"batch b1: the stream ended"}, false}, {}, fixture());
  EXPECT_EQ(silent.sight, Sight::unclear);
  EXPECT_EQ(silent.why, "batch b1: the stream ended");
}

scenario::Profile profile(const std::string& name, bool deny) {
  scenario::Profile made;
  made.name = name;
  made.ns = "tenant-" + name;
  if (deny)
    made.policies.push_back({"networking.istio.io/v1",
                             "Sidecar",
                             "default",
                             "",
                             "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default}\nspec:\n"
                             "  outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n",
                             {}});
  return made;
}

scenario::Profile with_network_policy(const std::string& types) {
  scenario::Profile made = profile("P7", true);
  made.policies.push_back({"networking.k8s.io/v1",
                           "NetworkPolicy",
                           "only-gateway",
                           "",
                           "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: only-gateway}\n"
                           "spec: {podSelector: {}, policyTypes: [" +
                               types + "]}\n",
                           {}});
  return made;
}

std::map<std::string, CanaryLook> look(Sight listed, Sight unlisted, int at, const std::string& name = "P2") {
  return {{name, {{listed, microseconds(at), ""}, {unlisted, microseconds(at), ""}}}};
}

TEST(Turn, OnlyTheLastTurnCounts) {
  TurnWatch watch(Change::policies, {profile("P2", true)});
  EXPECT_FALSE(watch.complete());
  watch.see(look(Sight::allowed, Sight::allowed, 1));
  watch.see(look(Sight::allowed, Sight::denied, 2));
  EXPECT_TRUE(watch.complete());
  watch.see(look(Sight::allowed, Sight::allowed, 3));  // it flapped
  EXPECT_FALSE(watch.complete());
  watch.see(look(Sight::unclear, Sight::unclear, 4));
  watch.see(look(Sight::allowed, Sight::denied, 5));
  EXPECT_TRUE(watch.complete());
  policy::Applied applied;
  watch.fill(applied, microseconds(1));
  ASSERT_EQ(applied.enforcement.size(), 1U);
  EXPECT_EQ(applied.enforcement[0].last_old, microseconds(3));
  EXPECT_EQ(applied.enforcement[0].first_new, microseconds(5));
  EXPECT_EQ(applied.enforcement[0].attempts, 5);
  EXPECT_EQ(watch.turned_at(), microseconds(5));
}

TEST(Turn, TheListedCanaryCountsOnlyBesideADeniedOne) {
  TurnWatch watch(Change::policies, {profile("P2", true)});
  watch.see(look(Sight::allowed, Sight::allowed, 1));
  policy::Applied before;
  watch.fill(before, microseconds(1));
  EXPECT_FALSE(before.admission[0].turned) << "it was reachable before any policy too";
  watch.see(look(Sight::denied, Sight::denied, 2));
  EXPECT_THAT(watch.gaps(), ElementsAre("P2: the listed canary is denied, wanted allowed"));
  watch.see(look(Sight::allowed, Sight::denied, 3));
  policy::Applied after;
  watch.fill(after, microseconds(1));
  EXPECT_EQ(after.enforcement[0].first_new, microseconds(2));
  EXPECT_EQ(after.admission[0].first_new, microseconds(3));
}

TEST(Turn, ProfilesThatDoNotDenyByDefaultHaveAnEntryOnlyWhenACanaryIsLost) {
  TurnWatch right(Change::policies, {profile("P1", false)});
  right.see(look(Sight::allowed, Sight::allowed, 1, "P1"));
  policy::Applied none;
  right.fill(none, microseconds(1));
  EXPECT_THAT(none.enforcement, IsEmpty());
  EXPECT_THAT(none.admission, IsEmpty());
  EXPECT_EQ(right.turned_at().count(), 0);
  TurnWatch wrong(Change::policies, {profile("P1", false)});
  wrong.see(look(Sight::allowed, Sight::denied, 1, "P1"));
  policy::Applied lost;
  wrong.fill(lost, microseconds(1));
  ASSERT_EQ(lost.admission.size(), 1U);
  EXPECT_FALSE(lost.admission[0].turned);
}

TEST(Turn, AnOverriddenDefaultDenyIsSeenByAnUnlistedCanaryThatStaysReachable) {
  scenario::Profile lost = profile("P2", true);
  lost.default_deny_overridden = true;
  TurnWatch watch(Change::policies, {lost});
  EXPECT_FALSE(watch.complete()) << "nothing was seen yet";
  EXPECT_EQ(watch.overridden(), "");
  watch.see(look(Sight::allowed, Sight::allowed, 1));
  EXPECT_TRUE(watch.complete());
  EXPECT_EQ(watch.overridden(), "P2");
  watch.see(look(Sight::allowed, Sight::denied, 2));
  EXPECT_FALSE(watch.complete());
  EXPECT_EQ(watch.overridden(), "");
  EXPECT_THAT(watch.gaps(), ElementsAre(HasSubstr("P2: the unlisted canary is denied, wanted allowed: the default deny "
                                                  "that the profile says is overridden was not")));
  policy::Applied applied;
  watch.fill(applied, microseconds(1));
  ASSERT_EQ(applied.admission.size(), 1U);
  EXPECT_FALSE(applied.admission[0].turned) << "so that no cell of the profile is judged";
}

TEST(Turn, AnOverriddenDefaultDenyThatHoldsAfterTheProbesIsTold) {
  scenario::Profile lost = profile("P2", true);
  lost.default_deny_overridden = true;
  policy::Applied applied;
  EXPECT_THAT(mark_lost(applied, {lost}, look(Sight::allowed, Sight::allowed, 9)), IsEmpty());
  EXPECT_THAT(mark_lost(applied, {lost}, look(Sight::allowed, Sight::denied, 9)),
              ElementsAre(HasSubstr("P2: the unlisted canary is denied, wanted allowed")));
  ASSERT_EQ(applied.admission.size(), 1U);
  EXPECT_EQ(applied.admission[0].lost_at, microseconds(9));
}

TEST(Turn, RevocationTakesNothingFromAnOverriddenDefaultDeny) {
  scenario::Profile lost = profile("P2", true);
  lost.default_deny_overridden = true;
  TurnWatch watch(Change::revoked, {lost});
  watch.see(look(Sight::allowed, Sight::allowed, 1));
  EXPECT_TRUE(watch.complete());
  EXPECT_EQ(watch.overridden(), "") << "told once, of the policies";
}

TEST(Turn, RevocationWantsBothDenied) {
  TurnWatch watch(Change::revoked, {profile("P2", true)});
  watch.see(look(Sight::allowed, Sight::denied, 1));
  EXPECT_FALSE(watch.complete());
  watch.see(look(Sight::denied, Sight::denied, 2));
  policy::Applied applied;
  watch.fill(applied, microseconds(1));
  ASSERT_EQ(applied.revocation.size(), 1U);
  EXPECT_EQ(applied.revocation[0].last_old, microseconds(1));
  EXPECT_EQ(applied.revocation[0].first_new, microseconds(2));
}

TEST(Turn, AnUnclearLookAfterwardsIsToldButUnmakesNoTurn) {
  policy::Applied applied;
  applied.enforcement.push_back({"P2", true, {}, {}, microseconds(1), 1, {}});
  const std::vector<scenario::Profile> profiles = {profile("P2", true)};
  auto looks = look(Sight::unclear, Sight::denied, 9);
  looks["P2"].listed.why = "the probe told nothing";
  EXPECT_TRUE(any_unclear(looks));
  EXPECT_FALSE(any_unclear(look(Sight::allowed, Sight::denied, 9)));
  EXPECT_THAT(mark_lost(applied, profiles, looks),
              ElementsAre("P2: a canary could not be seen again after the probes: the probe told nothing"));
  EXPECT_TRUE(applied.enforcement[0].turned);
  EXPECT_THAT(mark_lost(applied, profiles, look(Sight::allowed, Sight::allowed, 9)),
              ElementsAre(HasSubstr("P2: the unlisted canary is allowed, wanted denied")));
  EXPECT_FALSE(applied.enforcement[0].turned);
  EXPECT_EQ(applied.enforcement[0].lost_at, microseconds(9));
}

constexpr const char* past_proxy = "P7@1337:1000";

// What the sidecar's probe and the one past it see of the unlisted canary; the listed one is denied.
std::map<std::string, CanaryLook> looks(Sight captured, Sight past, int at) {
  auto both = look(Sight::denied, captured, at, "P7");
  both.merge(look(Sight::denied, past, at, past_proxy));
  return both;
}

TEST(Stretch, IsForChangesThatTakeLongerThanUsual) {
  using std::chrono::milliseconds;
  policy::Applied applied;
  applied.applied_at = std::chrono::seconds(100);
  for (const auto& [took, wanted] : {std::pair{0, 0}, {2000, 0}, {4500, 5000}, {90000, 30000}}) {
    applied.in_force_at = applied.applied_at + milliseconds(took);
    EXPECT_EQ(stretch_of(applied), milliseconds(wanted)) << took;
  }
  applied.in_force_at = {};
  EXPECT_EQ(stretch_of(applied), milliseconds(0)) << "never in force";
}

TEST(NetworkPolicyCanary, IsSentPastTheSidecarToo) {
  const std::vector<Lookout> found = lookouts({with_network_policy("Egress"), profile("P2", true)});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[1].pod, past_proxy);
  EXPECT_EQ(found[1].profile, "P7");
  EXPECT_EQ(past_proxy_probe(with_network_policy("Egress"))->identity.uid, 1337);
  EXPECT_EQ(lookouts({with_network_policy("Ingress")}).size(), 1U) << "nothing to see from within";
  scenario::Profile plain = with_network_policy("Egress");
  plain.mesh = scenario::Mesh::none;
  EXPECT_EQ(lookouts({plain}).size(), 1U) << "its own probe is past any sidecar";
  EXPECT_TRUE(lookouts({plain})[0].by_network);
}

TEST(NetworkPolicyCanary, IsInForceOnlyWhenDeniedPastTheSidecar) {
  TurnWatch watch(Change::policies, {with_network_policy("Egress")});
  watch.see(looks(Sight::denied, Sight::allowed, 1));
  EXPECT_FALSE(watch.complete()) << "the sidecar alone";
  EXPECT_EQ(watch.right_profiles(), 0U);
  EXPECT_THAT(watch.gaps(),
              ElementsAre(HasSubstr("P7: the unlisted canary is allowed past the proxy, wanted denied: the "
                                    "network plugin does not enforce NetworkPolicy")));
  policy::Applied vacuous;
  watch.fill(vacuous, microseconds(1));
  EXPECT_TRUE(std::any_of(vacuous.enforcement.begin(), vacuous.enforcement.end(),
                          [](const auto& turn) { return turn.profile == "P7" && !turn.turned; }));
  watch.see(looks(Sight::denied, Sight::denied, 2));
  EXPECT_TRUE(watch.complete());
  EXPECT_EQ(watch.turned_at(), microseconds(2));
  policy::Applied applied;
  watch.fill(applied, microseconds(1));
  ASSERT_EQ(applied.enforcement.size(), 2U);
  EXPECT_EQ(applied.enforcement[1].last_old, microseconds(1));
  EXPECT_THAT(applied.admission, IsEmpty()) << "no canary is listed for the network";
}

TEST(NetworkPolicyCanary, ThatIsReachableAfterTheProbesWasNotInForce) {
  const std::vector<scenario::Profile> profiles{with_network_policy("Egress")};
  TurnWatch watch(Change::policies, profiles);
  watch.see(looks(Sight::denied, Sight::denied, 1));
  policy::Applied applied;
  watch.fill(applied, microseconds(1));
  EXPECT_THAT(mark_lost(applied, profiles, looks(Sight::denied, Sight::denied, 8)), IsEmpty());
  EXPECT_THAT(mark_lost(applied, profiles, looks(Sight::denied, Sight::allowed, 9)),
              ElementsAre(HasSubstr("allowed past the proxy")));
  EXPECT_TRUE(std::any_of(applied.enforcement.begin(), applied.enforcement.end(),
                          [](const auto& turn) { return !turn.turned && turn.lost_at == microseconds(9); }));
}

TEST(NetworkPolicyCanary, WhereTheNetworkPolicyIsOverriddenStaysReachablePastTheSidecarAlone) {
  scenario::Profile open = with_network_policy("Egress");
  open.network_policy_overridden = true;
  const std::vector<Lookout> found = lookouts({open});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(found[0].default_deny);
  EXPECT_FALSE(found[0].by_network || found[1].by_network);
  EXPECT_TRUE(found[1].past_proxy);
  TurnWatch watch(Change::policies, {open});
  EXPECT_EQ(watch.network_overridden(), "") << "nothing was seen yet";
  const auto seen = [](Sight captured, Sight past, int at) {
    auto both = look(Sight::allowed, captured, at, "P7");
    both.merge(look(Sight::allowed, past, at, past_proxy));
    return both;
  };
  watch.see(seen(Sight::allowed, Sight::allowed, 1));
  EXPECT_FALSE(watch.complete()) << "its sidecar denies what is not listed";
  watch.see(seen(Sight::denied, Sight::allowed, 2));
  EXPECT_TRUE(watch.complete());
  EXPECT_EQ(watch.network_overridden(), "P7");
  EXPECT_EQ(watch.overridden(), "");
  policy::Applied applied;
  watch.fill(applied, microseconds(1));
  ASSERT_EQ(applied.enforcement.size(), 1U);
  EXPECT_TRUE(applied.enforcement[0].turned);
  EXPECT_THAT(mark_lost(applied, {open}, seen(Sight::denied, Sight::allowed, 8)), IsEmpty());
  EXPECT_THAT(
      mark_lost(applied, {open}, seen(Sight::denied, Sight::denied, 9)),
      ElementsAre(HasSubstr("P7: the unlisted canary is denied past the proxy, wanted allowed: the NetworkPolicy "
                            "that the profile says is overridden was not")));
  EXPECT_TRUE(std::any_of(applied.admission.begin(), applied.admission.end(),
                          [](const auto& turn) { return turn.profile == "P7" && !turn.turned; }));
}

TEST(NetworkPolicyCanary, ThatIsDeniedAlthoughItsNetworkPolicyShouldBeOverriddenIsNotInForce) {
  scenario::Profile open = with_network_policy("Egress");
  open.network_policy_overridden = true;
  TurnWatch watch(Change::policies, {open});
  auto both = look(Sight::allowed, Sight::denied, 1, "P7");
  both.merge(look(Sight::denied, Sight::denied, 1, past_proxy));
  watch.see(both);
  EXPECT_FALSE(watch.complete());
  EXPECT_EQ(watch.network_overridden(), "");
  policy::Applied applied;
  watch.fill(applied, microseconds(1));
  EXPECT_TRUE(std::any_of(applied.admission.begin(), applied.admission.end(), [](const auto& turn) {
    return turn.profile == "P7" && !turn.turned;
  })) << "so that no cell of the profile is judged";
}

TEST(CanaryManifests, OneServiceEntryForEachMeshedNamespace) {
  scenario::Profile plain = profile("P0", false);
  plain.mesh = scenario::Mesh::none;
  const std::string text = canary_manifests({plain, profile("P1", false), profile("P2", true), profile("P2", true)});
  EXPECT_THAT(text, HasSubstr("\"namespace\": \"tenant-P1\""));
  EXPECT_EQ(text.find("tenant-P0"), std::string::npos);
  EXPECT_EQ(text.find("tenant-P2"), text.rfind("tenant-P2"));
  EXPECT_THAT(text, HasSubstr(canary_listed_address));
  EXPECT_EQ(text.find(canary_unlisted_address), std::string::npos);
}

}  // namespace
}  // namespace egressproof::run
