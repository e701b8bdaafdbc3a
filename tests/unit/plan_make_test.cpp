#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "probe/codec.h"
#include "runner/scenario/loader.h"
#include "tests/unit/plan_sample.h"

namespace egressproof::plan {
namespace {

using probe::Protocol;
using scenario::AttemptSpec;
using scenario::Expect;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> ids(const Plan& plan) {
  std::vector<std::string> all;
  for (const Cell& cell : plan.cells) all.push_back(cell.attempt.id);
  return all;
}

const Cell& cell(const Plan& plan, const std::string& id) {
  for (const Cell& one : plan.cells)
    if (one.attempt.id == id) return one;
  throw std::runtime_error("no cell " + id);
}

AttemptSpec spoofed_host() {
  AttemptSpec spec = dial(Protocol::http1, "sink:80");
  spec.host = "{allowed}";
  return spec;
}

// Everything of a plan that is sent or looked for, as text.
std::string text_of(const Plan& plan) {
  std::string text = plan.seed;
  for (const Cell& one : plan.cells)
    text += probe::encode(one.attempt) + one.target.fixture + one.target.host + one.rerouted_to + one.via +
            std::to_string(one.control);
  for (const Control& one : plan.controls)
    text += one.id + probe::encode(one.before) + probe::encode(one.after) + one.expected.fixture + one.expected.host;
  for (const Skip& one : plan.skips) text += one.scenario + one.case_id + one.reason;
  for (const scenario::Profile& one : plan.profiles) text += one.name;
  return text;
}

TEST(MakePlan, CellsInSuiteOrderThenProfileOrderWithIdsAndNonces) {
  scenario::Case variants = sample_case("names", dial(Protocol::http1, "deny:80"), Expect::deny, {"P3", "P0"});
  AttemptSpec prefix;
  prefix.host = "xallow.test";
  variants.variants = {{"prefix", prefix}, {"bare", {}}};
  variants.variant_expectations["bare"]["P5n"] = {Expect::leak, scenario::Stance::known_leak, {}};
  const auto plan =
      make_all(suite_of({variants, sample_case("b", dial(Protocol::tls, "sink:443"), Expect::deny, {"P3"})}));
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_THAT(ids(*plan),
              ElementsAre("spoof/names.prefix/P0", "spoof/names.prefix/P3", "spoof/names.bare/P5n", "spoof/b/P3"));
  EXPECT_EQ(plan->cells[0].attempt.host, "xallow.test");
  EXPECT_EQ(plan->cells[2].attempt.host, "198.51.100.20");
  EXPECT_EQ(plan->cells[2].expectation.expect, Expect::leak);
  EXPECT_EQ(plan->cells[0].via, "P0");
  std::set<std::string> nonces;
  const auto add = [&](const probe::Attempt& attempt) {
    EXPECT_EQ(attempt.nonce.size(), 32U);
    EXPECT_EQ(attempt.sequence, 0U);
    EXPECT_TRUE(nonces.insert(attempt.nonce).second) << attempt.id;
  };
  for (const Cell& one : plan->cells) add(one.attempt);
  for (const Control& one : plan->controls) {
    add(one.before);
    add(one.after);
  }
}

TEST(MakePlan, SameInputSamePlanAndOtherSeedOtherNonces) {
  const scenario::Suite suite = suite_of({sample_case("a", spoofed_host(), Expect::deny)});
  EXPECT_EQ(text_of(*make(suite, {}, {"lab", {}}, "one")), text_of(*make(suite, {}, {"lab", {}}, "one")));
  const auto one = make(suite, {}, {"lab", {}}, "one");
  const auto other = make(suite, {}, {"lab", {}}, "two");
  EXPECT_NE(one->cells[0].attempt.nonce, other->cells[0].attempt.nonce);
  EXPECT_NE(one->controls[0].before.nonce, one->controls[0].after.nonce);
}

TEST(MakePlan, TargetIsTheOneDialledTheOwnerOrTheOneNamed) {
  scenario::Case named = sample_case("named", to(Protocol::http1, "{missing}:80"), Expect::outage, {"P3"});
  scenario::Case by_role = sample_case("by-role", to(Protocol::http1, "{allowed}:80"), Expect::deny, {"P3", "P5n"});
  by_role.target = "allowed";
  by_role.target_host = "{allowed}";
  const auto plan =
      make_all(suite_of({sample_case("dialled", spoofed_host(), Expect::deny, {"P3"}),
                         sample_case("owner", to(Protocol::http1, "x.wild.test:80"), Expect::deny, {"P3"}), named,
                         by_role, sample_case("vip", dial(Protocol::tls, "192.0.2.10:443"), Expect::leak, {"P3v"}),
                         sample_case("query", to(Protocol::dns, "{nonce}.wild.test"), Expect::allow, {"P3"})}));
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_EQ(cell(*plan, "spoof/dialled/P3").target.fixture, "sink");
  EXPECT_EQ(cell(*plan, "spoof/owner/P3").target.fixture, "wild-a");
  EXPECT_EQ(cell(*plan, "spoof/named/P3").target.fixture, "allow") << "the role says who it would be";
  EXPECT_EQ(cell(*plan, "spoof/by-role/P3").target.fixture, "allow");
  EXPECT_EQ(cell(*plan, "spoof/by-role/P5n").target.fixture, "wild-a");
  EXPECT_EQ(cell(*plan, "spoof/by-role/P5n").target.host, "a.wild.test");
  EXPECT_EQ(cell(*plan, "spoof/vip/P3v").target.fixture, "allow");
  EXPECT_EQ(cell(*plan, "spoof/query/P3").target.fixture, "dns");
}

TEST(MakePlan, UnknownTargetsAreToldWithEveryCell) {
  scenario::Case nobody = sample_case("nobody", dial(Protocol::tls, "203.0.113.7:443"), Expect::deny, {"P0", "P3"});
  nobody.at = {"spoof.yaml", 7, 3};
  scenario::Case misspelt = sample_case("misspelt", dial(Protocol::tls, "sink:443"), Expect::deny, {"P3"});
  misspelt.target = "snik";
  const auto plan = make_all(suite_of({nobody, misspelt}));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::scenario);
  EXPECT_EQ(error_of(plan),
            "spoof.yaml:7:3: spoof/nobody in P0: no fixture owns what is dialled: say 'target'\n"
            "spoof.yaml:7:3: spoof/nobody in P3: no fixture owns what is dialled: say 'target'\n"
            "spoof/misspelt in P3: 'target' names 'snik', which is no role or fixture (did you mean 'sink'?)");
}

TEST(MakePlan, AllowedRequestsOfAProfileWithAGatewayComeFromThere) {
  scenario::Suite suite = suite_of({sample_case("a", to(Protocol::http1, "{allowed}:80"), Expect::allow)});
  suite.profiles[1].gateway = "egress-p3";
  const auto plan = make_all(suite);
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_EQ(cell(*plan, "spoof/a/P3").via, "P3.gateway");
  EXPECT_EQ(cell(*plan, "spoof/a/P3v").via, "P3v");
}

TEST(MakePlan, RerouteKnowsWhereTo) {
  const auto plan = make_all(suite_of({sample_case("spoofed", spoofed_host(), Expect::reroute, {"P3", "P5n"}),
                                       sample_case("denied", spoofed_host(), Expect::deny, {"P3"})}));
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_EQ(cell(*plan, "spoof/spoofed/P3").rerouted_to, "allow");
  EXPECT_EQ(cell(*plan, "spoof/spoofed/P5n").rerouted_to, "wild-a");
  EXPECT_EQ(cell(*plan, "spoof/denied/P3").rerouted_to, "");
  const auto circular =
      make_all(suite_of({sample_case("x", to(Protocol::tls, "{allowed}:443"), Expect::reroute, {"P3"})}));
  EXPECT_THAT(error_of(circular), HasSubstr("a reroute is expected, but"));
}

TEST(MakePlan, CellsOfTheSameRequestAndDestinationShareAControl) {
  AttemptSpec named = to(Protocol::http1, "deny.test:80");
  const auto plan = make_all(suite_of({sample_case("a", named, Expect::deny), sample_case("b", named, Expect::deny),
                                       sample_case("c", spoofed_host(), Expect::deny)}));
  ASSERT_TRUE(plan) << error_of(plan);
  ASSERT_EQ(plan->cells.size(), 12U);
  ASSERT_EQ(plan->controls.size(), 3U) << "a and b share; c sends a.wild.test in P5n";
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(plan->cells[i].control, 0U) << i;
  EXPECT_EQ(plan->controls[0].id, "control/spoof/a/1");
  EXPECT_EQ(plan->controls[0].before.id, "control/spoof/a/1/before");
  EXPECT_EQ(plan->controls[0].after.id, "control/spoof/a/1/after");
  EXPECT_EQ(plan->controls[0].expected.fixture, "deny");
  EXPECT_EQ(plan->controls[2].id, "control/spoof/c/2");
  const Control& wild = plan->controls[cell(*plan, "spoof/c/P5n").control];
  EXPECT_EQ(wild.before.host, "a.wild.test") << "the bytes of the cell, though the vantage has another role";
  EXPECT_EQ(cell(*plan, "spoof/c/P0").control, cell(*plan, "spoof/c/P3v").control);
}

TEST(MakePlan, AnotherDestinationIsAnotherControl) {
  scenario::Case fronted = sample_case("fronted", to(Protocol::http1, "front.test:80"), Expect::leak, {"P3"});
  scenario::Case filtered = fronted;
  filtered.id = "filtered";
  filtered.target_host = "fronted.test";
  const auto plan = make_all(suite_of({fronted, filtered}));
  ASSERT_TRUE(plan) << error_of(plan);
  ASSERT_EQ(plan->controls.size(), 2U);
  EXPECT_EQ(plan->controls[1].expected.host, "fronted.test");
}

TEST(MakePlan, ControlsDialRealAddressesOfVips) {
  const auto plan = make_all(suite_of({sample_case("dialled", dial(Protocol::tls, "allowed:443"), Expect::deny),
                                       sample_case("named", to(Protocol::tls, "{allowed}:443"), Expect::allow)}));
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_EQ(cell(*plan, "spoof/dialled/P3v").attempt.address, "192.0.2.10");
  for (const Control& one : plan->controls) EXPECT_NE(one.before.address, "192.0.2.10") << one.id;
  EXPECT_EQ(cell(*plan, "spoof/dialled/P3v").control, cell(*plan, "spoof/dialled/P3").control);
  EXPECT_EQ(cell(*plan, "spoof/named/P3v").control, cell(*plan, "spoof/named/P0").control);
}

TEST(MakePlan, ControlOverlayIsWhatTheVantageSends) {
  scenario::Case header = sample_case("header", to(Protocol::http1, "{allowed}:80"), Expect::reroute, {"P3"});
  header.target = "sink";
  header.control = AttemptSpec();
  header.control->dial = "sink:80";
  const auto plan = make_all(suite_of({header}));
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_EQ(plan->controls[0].before.address, "198.51.100.66");
  EXPECT_EQ(plan->controls[0].after.address, "198.51.100.66");
  EXPECT_EQ(plan->controls[0].expected.fixture, "sink");
  EXPECT_EQ(plan->cells[0].attempt.name, "allow.test");
  header.control->dial = "nowhere:80";
  EXPECT_THAT(error_of(make_all(suite_of({header}))), HasSubstr("spoof/header in P3: control: 'dial' names 'nowhere'"));
}

TEST(MakePlan, NeedsThatTheBackendLacksAreSkippedOnce) {
  scenario::Case needy = sample_case("needy", spoofed_host(), Expect::deny);
  needy.needs = {"kubernetes"};
  const scenario::Suite suite = suite_of({needy});
  const auto skipped = make_all(suite);
  ASSERT_TRUE(skipped);
  EXPECT_TRUE(skipped->cells.empty());
  ASSERT_EQ(skipped->skips.size(), 1U);
  EXPECT_EQ(skipped->skips[0].case_id, "needy");
  EXPECT_EQ(skipped->skips[0].reason, "needs: kubernetes (the lab cannot do this)");
  const auto run = make(suite, {}, {"kind", {"kubernetes"}}, "seed");
  EXPECT_EQ(run->cells.size(), 4U);
  EXPECT_TRUE(run->skips.empty());
}

scenario::Suite two_scenarios() {
  scenario::Case tagged = sample_case("names", spoofed_host(), Expect::deny);
  tagged.tags = {"bypass"};
  tagged.variants = {{"a", {}}, {"b", {}}};
  scenario::Suite suite = suite_of({tagged, sample_case("other", spoofed_host(), Expect::deny)});
  suite.scenarios.push_back(suite.scenarios[0]);
  suite.scenarios[1].name = "wildcard";
  return suite;
}

std::size_t count(const Selection& selection) {
  const auto plan = make(two_scenarios(), selection, {"lab", {}}, "seed");
  EXPECT_TRUE(plan) << error_of(plan);
  return plan ? plan->cells.size() : 0;
}

Selection cases(const std::string& glob) {
  Selection made;
  made.cases = {glob};
  return made;
}

TEST(Selecting, GlobsOverScenarioAndCase) {
  EXPECT_EQ(count({}), 24U);
  EXPECT_EQ(count(cases("spoof/*")), 12U);
  EXPECT_EQ(count(cases("*/names")), 16U) << "a case takes its variants along";
  EXPECT_EQ(count(cases("spoof/names.a")), 4U);
  EXPECT_EQ(count(cases("names.?")), 16U) << "without '/', in any scenario";
  EXPECT_EQ(count(cases("spoof/[no]*")), 12U);
}

TEST(Selecting, NamesOfScenariosProfilesAndTags) {
  Selection one;
  one.scenarios = {"wildcard"};
  one.profiles = {"P3", "P5n"};
  EXPECT_EQ(count(one), 6U);
  one.tags = {"bypass"};
  EXPECT_EQ(count(one), 4U);
  const auto plan = make(two_scenarios(), one, {"lab", {}}, "seed");
  ASSERT_EQ(plan->profiles.size(), 3U);
  EXPECT_EQ(plan->profiles[0].name, "P0") << "the vantage is always there";
  EXPECT_EQ(plan->profiles[1].name, "P3");
}

TEST(Selecting, PickingNothingIsAPlanWithoutCells) {
  Selection none;
  none.profiles = {"P3"};
  const auto plan =
      make(suite_of({sample_case("a", spoofed_host(), Expect::deny, {"P5n"})}), none, {"lab", {}}, "seed");
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->cells.empty());
  EXPECT_EQ(plan->profiles.size(), 1U);
}

std::string usage_error(const Selection& selection) {
  const auto plan = make(two_scenarios(), selection, {"lab", {}}, "seed");
  EXPECT_FALSE(plan);
  if (plan) return "";
  EXPECT_EQ(plan.error().kind, ErrorKind::usage);
  return plan.error().message;
}

TEST(Selecting, UnknownNamesAreUsageErrorsWithTheNearest) {
  EXPECT_EQ(usage_error(cases("spoof/nmaes")), "no case 'spoof/nmaes' (did you mean 'spoof/names'?)");
  EXPECT_EQ(usage_error(cases("othr")), "no case 'othr' (did you mean 'other'?)");
  EXPECT_EQ(usage_error(cases("zzzzzzzz/*")), "no case 'zzzzzzzz/*'");
  EXPECT_EQ(usage_error(cases("spoof")), "no case 'spoof', but a scenario: 'spoof/*' are its cases");
  Selection one;
  one.profiles = {"P33"};
  EXPECT_EQ(usage_error(one), "no profile 'P33' (did you mean 'P3'?)");
  one = {};
  one.scenarios = {"spof"};
  EXPECT_EQ(usage_error(one), "no scenario 'spof' (did you mean 'spoof'?)");
  one = {};
  one.tags = {"bypas"};
  EXPECT_EQ(usage_error(one), "no tag 'bypas' (did you mean 'bypass'?)");
}

TEST(MakePlan, WithoutAVantageThereIsNoPlan) {
  scenario::Suite suite = suite_of({sample_case("a", spoofed_host(), Expect::deny)});
  suite.profiles[0].vantage = false;
  EXPECT_EQ(error_of(make_all(suite)), "no profile is the vantage");
}

TEST(MakePlan, ShippedSuiteCanBePlanned) {
  const scenario::Loaded loaded = scenario::load({EGRESSPROOF_SOURCE_DIR "/scenarios"});
  for (const Diagnostic& one : loaded.diagnostics) ADD_FAILURE() << scenario::render(one);
  const auto plan = make_all(loaded.suite);
  ASSERT_TRUE(plan) << error_of(plan);
  EXPECT_GE(plan->cells.size(), 150U);
  for (const Cell& one : plan->cells) EXPECT_NE(one.rerouted_to, one.target.fixture) << one.attempt.id;
}

}  // namespace
}  // namespace egressproof::plan
