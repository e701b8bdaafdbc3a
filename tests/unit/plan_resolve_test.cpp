#include <gtest/gtest.h>

#include "runner/plan/directory.h"
#include "runner/plan/resolve.h"
#include "tests/unit/plan_sample.h"

namespace egressproof::plan {
namespace {

using probe::Protocol;
using scenario::AttemptSpec;

const scenario::Profile& named(const scenario::Suite& suite, const std::string& name) {
  for (const scenario::Profile& one : suite.profiles)
    if (one.name == name) return one;
  ADD_FAILURE() << "no profile " << name;
  return suite.profiles.front();
}

probe::Attempt attempt(const std::string& profile, const AttemptSpec& spec) {
  const scenario::Suite suite = sample_suite();
  auto made = resolve_attempt(suite, named(suite, profile), spec);
  EXPECT_TRUE(made) << made.error().message;
  return made ? *made : probe::Attempt();
}

std::string refusal(const std::string& profile, const AttemptSpec& spec) {
  const scenario::Suite suite = sample_suite();
  const auto made = resolve_attempt(suite, named(suite, profile), spec);
  if (made) return "";
  EXPECT_EQ(made.error().kind, ErrorKind::scenario);
  return made.error().message;
}

probe::Attempt control(const std::string& profile, const AttemptSpec& spec) {
  const scenario::Suite suite = sample_suite();
  auto made = resolve(Directory(suite, named(suite, profile)), spec, Dialling::real);
  EXPECT_TRUE(made) << made.error().message;
  return made ? made->attempt : probe::Attempt();
}

TEST(ResolveTo, NameIsResolvedAndDefaultsHostAndSni) {
  AttemptSpec spec = to(Protocol::http1, "{allowed}:443");
  spec.tls = true;
  const probe::Attempt made = attempt("P3", spec);
  EXPECT_EQ(made.name, "allow.test");
  EXPECT_EQ(made.address, "");
  EXPECT_EQ(made.port, 443);
  EXPECT_EQ(made.host, "allow.test");
  EXPECT_EQ(made.sni, "allow.test");
  EXPECT_EQ(made.sequence, 0U);
  EXPECT_EQ(made.nonce, "");
}

TEST(ResolveTo, RolesAreThoseOfTheProfile) {
  const probe::Attempt made = attempt("P5n", to(Protocol::http1, "{allowed}:80"));
  EXPECT_EQ(made.name, "a.wild.test");
  EXPECT_EQ(made.host, "a.wild.test");
  EXPECT_FALSE(made.sni);
}

TEST(ResolveTo, HostHasThePortOnlyWhereTheSchemeHasAnother) {
  EXPECT_EQ(attempt("P3", to(Protocol::http1, "allow.test:8443")).host, "allow.test:8443");
  EXPECT_EQ(attempt("P3", to(Protocol::http1, "allow.test:443")).host, "allow.test:443");
  AttemptSpec tls = to(Protocol::http1, "allow.test:80");
  tls.tls = true;
  EXPECT_EQ(attempt("P3", tls).host, "allow.test:80");
}

TEST(ResolveTo, SaidHostAndSniWinAndAnEmptySniIsNone) {
  AttemptSpec spec = to(Protocol::tls, "allow.test:443");
  spec.sni = "";
  EXPECT_EQ(attempt("P3", spec).sni, "");
  spec.protocol = Protocol::http1;
  spec.tls = true;
  spec.host = "{allowed}.";
  spec.sni = "{nonce}.{allowed}";
  const probe::Attempt made = attempt("P5n", spec);
  EXPECT_EQ(made.host, "a.wild.test.");
  EXPECT_EQ(made.sni, "{nonce}.a.wild.test");
}

TEST(ResolveTo, ProfileWithAVipDialsItUnresolved) {
  const probe::Attempt made = attempt("P3v", to(Protocol::http1, "{allowed}:80"));
  EXPECT_EQ(made.name, "");
  EXPECT_EQ(made.address, "192.0.2.10");
  EXPECT_EQ(made.host, "allow.test");
  EXPECT_EQ(attempt("P3v", to(Protocol::http1, "deny.test:80")).name, "deny.test") << "no VIP of its own";
  EXPECT_EQ(attempt("P3v", to(Protocol::http1, "{missing}:80")).name, "missing.test") << "no record, so no VIP";
  AttemptSpec ipv6 = to(Protocol::http1, "{allowed}:80");
  ipv6.family = probe::Family::ipv6;
  EXPECT_EQ(attempt("P3v", ipv6).name, "allow.test") << "the VIP is of the other family";
}

TEST(ResolveDial, FixtureRoleAndAddressAreDialledUnresolved) {
  const probe::Attempt fixture = attempt("P3", dial(Protocol::tls, "sink:443"));
  EXPECT_EQ(fixture.address, "198.51.100.66");
  EXPECT_EQ(fixture.name, "");
  EXPECT_FALSE(fixture.sni) << "SNI has a default for 'to' alone";
  EXPECT_EQ(attempt("P3", dial(Protocol::tls, "allowed:443")).address, "198.51.100.10");
  EXPECT_EQ(attempt("P5n", dial(Protocol::tls, "allowed:443")).address, "198.51.100.51");
  EXPECT_EQ(attempt("P3", dial(Protocol::tls, "203.0.113.7:443")).address, "203.0.113.7");
  EXPECT_EQ(attempt("P3v", dial(Protocol::tls, "allow:443")).address, "192.0.2.10");
  EXPECT_EQ(attempt("P3v", dial(Protocol::tls, "allowed:443")).address, "192.0.2.10");
}

TEST(ResolveDial, FirstAddressOfTheFamilyAskedFor) {
  AttemptSpec spec = dial(Protocol::http1, "allow:8080");
  spec.family = probe::Family::ipv6;
  const probe::Attempt made = attempt("P3", spec);
  EXPECT_EQ(made.address, "2001:db8::10");
  EXPECT_EQ(made.host, "[2001:db8::10]:8080");
  EXPECT_EQ(attempt("P3v", spec).address, "2001:db8::10");
  spec.family = probe::Family::any;
  EXPECT_EQ(attempt("P3", spec).address, "198.51.100.10");
  spec.dial = "sink:80";
  spec.family = probe::Family::ipv6;
  EXPECT_EQ(refusal("P3", spec), "fixture 'sink' has no address of the family asked for");
  spec.dial = "[2001:db8::99]:80";
  EXPECT_EQ(attempt("P3", spec).address, "2001:db8::99");
}

TEST(ResolveDial, HostDefaultsToTheLiteralThatIsDialled) {
  EXPECT_EQ(attempt("P3", dial(Protocol::http1, "sink:80")).host, "198.51.100.66");
  EXPECT_EQ(attempt("P3v", dial(Protocol::http1, "allow:80")).host, "192.0.2.10");
}

TEST(ResolveDial, BesideANameOnlyTheAddressIsItsOwn) {
  AttemptSpec spec = to(Protocol::http1, "{allowed}:443");
  spec.dial = "sink:8443";
  spec.tls = true;
  const probe::Attempt made = attempt("P3", spec);
  EXPECT_EQ(made.address, "198.51.100.66");
  EXPECT_EQ(made.port, 8443);
  EXPECT_EQ(made.name, "");
  EXPECT_EQ(made.sni, "allow.test");
  EXPECT_EQ(made.host, "allow.test");
}

TEST(ResolveTexts, PlaceholdersAreReplacedInEveryText) {
  AttemptSpec spec = dial(Protocol::http1, "sink:80");
  spec.host = "{allowed}";
  spec.method = "{allowed}";
  spec.path = "http://{allowed}/{sink.address}/{allowed.address}/{nonce}/{*}";
  spec.headers = probe::Fields{{"x-{allowed}", "{sink.address}:80"}};
  spec.fields = probe::Fields{{"Host", "{allowed}"}};
  spec.alpn = std::vector<std::string>{"{allowed}"};
  spec.earlier = probe::EarlierRequest{"{allowed}", "/e/{nonce}/{allowed}"};
  const probe::Attempt made = attempt("P3v", spec);
  EXPECT_EQ(made.host, "allow.test");
  EXPECT_EQ(made.method, "allow.test");
  EXPECT_EQ(made.path, "http://allow.test/198.51.100.66/192.0.2.10/{nonce}/{*}");
  EXPECT_EQ(made.headers, (probe::Fields{{"x-allow.test", "198.51.100.66:80"}}));
  EXPECT_EQ(made.fields, (probe::Fields{{"Host", "allow.test"}}));
  EXPECT_EQ(made.alpn, std::vector<std::string>{"allow.test"});
  ASSERT_TRUE(made.earlier);
  EXPECT_EQ(made.earlier->host, "allow.test");
  EXPECT_EQ(made.earlier->path, "/e/{nonce}/allow.test");
  AttemptSpec tcp = dial(Protocol::tcp, "sink:9");
  tcp.payload = "{allowed} {nonce}\n";
  EXPECT_EQ(attempt("P5n", tcp).payload, "a.wild.test {nonce}\n");
}

TEST(ResolveErrors, NameTheNearestAndWhatTheProbeWouldRefuse) {
  EXPECT_EQ(refusal("P3", to(Protocol::http1, "{alowed}:80")), "'{alowed}' is no role (did you mean '{allowed}'?)");
  EXPECT_EQ(refusal("P3", dial(Protocol::http1, "snk:80")),
            "'dial' names 'snk', which is no role, fixture or address (did you mean 'sink'?)");
  EXPECT_EQ(refusal("P3", dial(Protocol::http1, "{snk.address}:80")),
            "'{snk.address}' is no role's or fixture's address (did you mean '{sink.address}'?)");
  EXPECT_EQ(refusal("P3", to(Protocol::http1, "198.51.100.10:80")),
            "'to' needs a name; an address such as '198.51.100.10:80' is said by 'dial'");
  EXPECT_EQ(refusal("P3", to(Protocol::http1, "allow.test")),
            "'to' must be HOST:PORT with a port from 1 to 65535, not 'allow.test'");
  for (const char* port : {"0", "65536", "80x", ""})
    EXPECT_NE(refusal("P3", to(Protocol::tls, std::string("allow.test:") + port)), "") << port;
  AttemptSpec no_host = dial(Protocol::http1, "sink:80");
  no_host.host = "";
  EXPECT_EQ(refusal("P3", no_host), "an HTTP attempt needs 'host'");
  AttemptSpec no_protocol = dial(Protocol::http1, "sink:80");
  no_protocol.protocol.reset();
  EXPECT_EQ(refusal("P3", no_protocol), "the attempt has no 'protocol'");
  AttemptSpec nowhere;
  nowhere.protocol = Protocol::tls;
  EXPECT_EQ(refusal("P3", nowhere), "the attempt has neither 'to' nor 'dial'");
}

TEST(ResolveDns, NameWithOrWithoutThePortOfTheServer) {
  AttemptSpec spec = to(Protocol::dns, "{nonce}.{allowed}");
  spec.server = "{sink.address}";
  spec.query_type = "AAAA";
  const probe::Attempt made = attempt("P5n", spec);
  EXPECT_EQ(made.name, "{nonce}.a.wild.test");
  EXPECT_EQ(made.server, "198.51.100.66");
  EXPECT_EQ(made.query_type, "AAAA");
  EXPECT_EQ(made.address, "");
  EXPECT_EQ(attempt("P3", to(Protocol::dns, "allow.test:5353")).port, 5353);
  EXPECT_NE(refusal("P3", dial(Protocol::dns, "sink:53")), "");
}

TEST(ResolveReal, ControlSendsTheSameBytesToRealAddresses) {
  const probe::Attempt by_vip = control("P3v", dial(Protocol::http1, "allowed:80"));
  EXPECT_EQ(by_vip.address, "198.51.100.10");
  EXPECT_EQ(by_vip.host, "192.0.2.10") << "the bytes are the cell's";
  const probe::Attempt by_literal = control("P3v", dial(Protocol::tls, "192.0.2.10:443"));
  EXPECT_EQ(by_literal.address, "198.51.100.10");
  EXPECT_EQ(control("P3v", dial(Protocol::tls, "198.51.100.20:443")).address, "198.51.100.20");
  const probe::Attempt by_name = control("P3v", to(Protocol::http1, "{allowed}:80"));
  EXPECT_EQ(by_name.name, "allow.test");
  EXPECT_EQ(by_name.address, "");
  EXPECT_EQ(control("P5n", to(Protocol::http1, "{allowed}:80")).name, "a.wild.test");
}

TEST(DirectoryTest, OwnersByRecordWildcardAndAddress) {
  const scenario::Suite suite = sample_suite();
  const Directory directory(suite, named(suite, "P3v"));
  const auto owner = [&](const std::string& name) {
    const scenario::Fixture* found = directory.owner_of_name(name);
    return found == nullptr ? "" : found->name;
  };
  EXPECT_EQ(owner("ALLOW.Test."), "allow");
  EXPECT_EQ(owner("x.y.wild.test"), "wild-a");
  EXPECT_EQ(owner("{nonce}.wild.test"), "wild-a");
  EXPECT_EQ(owner("wild.test"), "");
  EXPECT_EQ(owner("evilwild.test"), "");
  EXPECT_EQ(directory.owner_of_address("192.0.2.10")->name, "allow");
  EXPECT_EQ(directory.owner_of_address("2001:DB8:0::10")->name, "allow");
  EXPECT_EQ(directory.owner_of_address("192.0.2.11"), nullptr);
}

TEST(DirectoryTest, BareNames) {
  EXPECT_EQ(bare_name("ALLOW.Test.:8443"), "allow.test");
  EXPECT_EQ(bare_name("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(bare_name(""), "");
}

TEST(ReroutedTo, FollowsTheNameThatTheMeshSees) {
  const scenario::Suite suite = sample_suite();
  const Directory directory(suite, named(suite, "P3"));
  probe::Attempt http;
  http.host = "allow.test:8443";
  EXPECT_EQ(rerouted_to(directory, http, "sink"), "allow");
  http.host = "deny.test";
  http.path = "http://ALLOW.test:80/x";
  EXPECT_EQ(rerouted_to(directory, http, "deny"), "allow") << "absolute-form goes before Host";
  http.path = "/";
  http.host = "anything.wild.test";
  EXPECT_EQ(rerouted_to(directory, http, "sink"), "wild-a") << "no role, so the owner";
  http.host = "deny.test";
  EXPECT_EQ(rerouted_to(directory, http, "deny"), "allow") << "a listener that ignores names leads to what is allowed";
  EXPECT_EQ(rerouted_to(directory, http, "allow"), "deny");
  http.fields = {{":authority", "front.test"}, {"host", "deny.test"}};
  EXPECT_EQ(rerouted_to(directory, http, "sink"), "cdn");
  http.fields = {{"host", "deny.test"}};
  EXPECT_EQ(rerouted_to(directory, http, "allow"), "deny");
  probe::Attempt tls;
  tls.over_tls = true;
  tls.sni = "front.test";
  tls.host = "allow.test";
  EXPECT_EQ(rerouted_to(directory, tls, "sink"), "cdn") << "Host is inside";
}

}  // namespace
}  // namespace egressproof::plan
