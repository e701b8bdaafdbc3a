// The fake's small model of a sidecar, held against what was observed of the real one (docs/lab.md, README).
#include <gmock/gmock.h>

#include "runner/backend/fake/mesh_model.h"
#include "runner/backend/fake/names.h"

namespace egressproof::backend::fake {
namespace {

constexpr const char* allow = "198.51.100.10";
constexpr const char* sink = "198.51.100.66";
constexpr const char* wild = "198.51.100.51";

std::string sidecar() {
  return "---\nkind: Sidecar\nmetadata: {name: default, namespace: t}\n"
         "spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}\n";
}

std::string entry(const std::string& host, const std::string& resolution, const std::string& more = "",
                  const std::string& ports = "[{number: 80, protocol: HTTP}, {number: 443, protocol: TLS}]") {
  return "---\nkind: ServiceEntry\nmetadata: {name: e, namespace: t}\nspec: {hosts: [\"" + host +
         "\"], resolution: " + resolution + ", ports: " + ports + more + "}\n";
}

Routed routed(const std::string& manifests, const Flow& flow) {
  auto model = parse_model(manifests);
  if (!model) ADD_FAILURE() << to_string(model.error());
  return route((*model)["t"], flow, [](const std::string& name) -> std::vector<std::string> {
    if (name == "allow.test") return {allow};
    if (name == "a.wild.test") return {wild};
    return {};
  });
}

Flow http(const std::string& address, const std::string& host, std::uint16_t port = 80) {
  return {address, port, false, std::nullopt, true, host};
}
Flow tls(const std::string& address, const std::optional<std::string>& sni, std::uint16_t port = 443) {
  return {address, port, true, sni, false, ""};
}
Flow raw(const std::string& address, std::uint16_t port) { return {address, port, false, std::nullopt, false, ""}; }

TEST(FakeMesh, WithoutPoliciesEverythingPasses) {
  EXPECT_EQ(routed("", http(sink, "x.test")).cluster, "PassthroughCluster");
  EXPECT_EQ(routed("", tls(sink, "x.test")).address, sink);
}

TEST(FakeMesh, RegistryOnlySendsTheUnlistedIntoTheBlackHole) {
  for (const Flow& flow : {http(sink, "x.test"), tls(sink, "x.test"), raw(sink, 9999)}) {
    const Routed one = routed(sidecar(), flow);
    EXPECT_EQ(one.address, "");
    EXPECT_EQ(one.cluster, "BlackHoleCluster");
    EXPECT_EQ(one.flags, "UH");
  }
}

TEST(FakeMesh, AnUnlistedHostOnAnHttpPortIs502BlockAll) {
  const Routed one = routed(sidecar() + entry("allow.test", "DNS"), http(allow, "deny.test"));
  EXPECT_EQ(one.code, 502);
  EXPECT_EQ(one.route, "block_all");
  EXPECT_EQ(one.address, "");
}

TEST(FakeMesh, DnsIgnoresTheDialledAddressAndNoneFollowsIt) {
  const std::string dns = sidecar() + entry("allow.test", "DNS");
  const std::string none = sidecar() + entry("allow.test", "NONE");
  EXPECT_EQ(routed(dns, http(sink, "ALLOW.test.:8443")).address, allow);
  EXPECT_EQ(routed(dns, tls(sink, "Allow.Test")).address, allow);
  EXPECT_EQ(routed(dns, tls(sink, "allow.test.")).cluster, "BlackHoleCluster");
  EXPECT_EQ(routed(none, http(sink, "allow.test")).address, sink);
  EXPECT_EQ(routed(none, tls(sink, "allow.test")).address, sink);
  EXPECT_EQ(routed(none, tls(sink, std::nullopt)).cluster, "BlackHoleCluster");
}

TEST(FakeMesh, AVipTakesAnySni) {
  const std::string vip = sidecar() + entry("allow.test", "DNS", ", addresses: [192.0.2.10]");
  EXPECT_EQ(routed(vip, tls("192.0.2.10", "deny.test")).address, allow);
  EXPECT_EQ(routed(vip, raw("192.0.2.10", 443)).address, allow);
  EXPECT_EQ(routed(vip, http(sink, "192.0.2.10")).address, allow);
  EXPECT_EQ(routed(vip, raw("192.0.2.11", 443)).cluster, "BlackHoleCluster");
}

TEST(FakeMesh, ATcpPortWithoutVipTakesThePort) {
  const std::string ports = "[{number: 443, protocol: TCP}]";
  EXPECT_EQ(routed(sidecar() + entry("allow.test", "DNS", "", ports), tls(sink, "deny.test")).address, allow);
  EXPECT_EQ(routed(sidecar() + entry("allow.test", "NONE", "", ports), tls(sink, "deny.test")).address, sink);
}

TEST(FakeMesh, WildcardsMatchAnyDepthButNotTheApex) {
  const std::string dynamic = sidecar() + entry("*.wild.test", "DYNAMIC_DNS");
  EXPECT_EQ(routed(dynamic, http(sink, "a.wild.test")).address, wild);
  EXPECT_EQ(routed(dynamic, http(sink, "a.wild.test:6379")).port, 6379) << "the port of the authority escapes";
  EXPECT_EQ(routed(dynamic, http(sink, "wild.test")).code, 502);
  EXPECT_EQ(routed(dynamic, http(sink, "evilwild.test")).code, 502);
  const Routed unknown = routed(dynamic, http(sink, "x.y.wild.test"));
  EXPECT_EQ(unknown.flags, "UH");
  EXPECT_EQ(unknown.code, 503);
  EXPECT_EQ(unknown.cluster, "outbound|80||*.wild.test");
}

TEST(FakeMesh, StaticUsesItsEndpointsAndTargetPort) {
  const Routed one = routed(sidecar() + entry("allow.test", "STATIC", ", endpoints: [{address: 198.51.100.20}]",
                                              "[{number: 80, targetPort: 8080, protocol: HTTP}]"),
                            http(sink, "allow.test"));
  EXPECT_EQ(one.address, "198.51.100.20");
  EXPECT_EQ(one.port, 8080);
}

TEST(FakeMesh, BytesThatAreNotHttpAreACodecError) {
  EXPECT_EQ(routed(sidecar() + entry("allow.test", "DNS"), raw(sink, 80)).code, 400);
}

TEST(FakeMesh, ManifestsThatAreNoYamlAreAnError) {
  const auto broken = parse_model("kind: [");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::environment);
}

TEST(FakeNames, AnswersAsTheAuthorityOfTheSuite) {
  scenario::Suite suite;
  suite.zones = {"test"};
  scenario::Fixture one;
  one.name = "allow";
  one.addresses = {allow, "2001:db8::10"};
  one.names = {"allow.test"};
  suite.fixtures = {one};
  suite.records = {{"*.wild.test", "A", {"allow"}, 1, {}, {}}, {"b.wild.test", "A", {wild}, 1, {}, {}}};
  Faults faults;
  faults.unresolvable = {"gone.test"};
  faults.readdress = {{"moved.test", sink}};
  const Names names(suite, faults);
  EXPECT_EQ(names.find("ALLOW.test.", "A").addresses, std::vector<std::string>{allow});
  EXPECT_EQ(names.find("allow.test", "AAAA").addresses, std::vector<std::string>{"2001:db8::10"});
  EXPECT_EQ(names.find("x.y.wild.test", "A").addresses, std::vector<std::string>{allow});
  EXPECT_EQ(names.find("b.wild.test", "A").addresses, std::vector<std::string>{wild});
  EXPECT_EQ(names.find("b.wild.test", "AAAA").code, probe::Code::name_no_data);
  EXPECT_EQ(names.find("wild.test", "A").code, probe::Code::name_not_found);
  EXPECT_EQ(names.find("example.com", "A").code, probe::Code::name_server_failure);
  EXPECT_EQ(names.find("moved.test", "A").addresses, std::vector<std::string>{sink});
}

TEST(FakeFaults, AreReadStrictly) {
  const auto good = decode_faults(
      R"({"overrides": [{"attempt": "a/*", "behaviour": "deny_silent"}], "streams": [{"attempt": "b", "fault": "killed"}],
          "enforcement": [{"profile": "P3", "never": true}], "stopped": ["allow"], "readdress": {"a.test": "192.0.2.1"}})",
      "faults.json");
  ASSERT_TRUE(good) << to_string(good.error());
  EXPECT_EQ(good->overrides[0].behaviour, Behaviour::deny_silent);
  EXPECT_EQ(good->streams[0].fault, StreamFault::killed);
  EXPECT_TRUE(good->enforcement[0].never);
  EXPECT_EQ(good->readdress.at("a.test"), "192.0.2.1");
  const auto message = [](const char* json) {
    const auto bad = decode_faults(json, "faults.json");
    return bad ? "" : bad.error().message;
  };
  EXPECT_EQ(message(R"({"stoped": ["allow"]})"), "faults.json: byte 2: unknown key 'stoped' (did you mean 'stopped'?)");
  EXPECT_THAT(message(R"({"overrides": [{"attempt": "a", "behaviour": "laek"}]})"),
              ::testing::HasSubstr("unknown behaviour 'laek' (did you mean 'leak'?)"));
  EXPECT_THAT(message("[]"), ::testing::HasSubstr("not a JSON object"));
}

TEST(FakeSidecars, AreObeyedInTheOrderOfIstiod) {
  const auto one = [](const std::string& name, const std::string& mode, const std::string& metadata = "",
                      const std::string& selector = "") {
    return "---\nkind: Sidecar\nmetadata: {name: " + name + ", namespace: t" + metadata + "}\nspec: {" + selector +
           "outboundTrafficPolicy: {mode: " + mode + "}}\n";
  };
  const auto denies = [](const std::string& manifests, const std::map<std::string, std::string>& labels = {}) {
    auto model = parse_model(manifests);
    if (!model) ADD_FAILURE() << to_string(model.error());
    return for_workload((*model)["t"], labels).registry_only;
  };
  const std::string closed = one("default", "REGISTRY_ONLY");
  EXPECT_FALSE(denies(closed + one("a", "ALLOW_ANY"))) << "by name";
  EXPECT_TRUE(denies(closed + one("z", "ALLOW_ANY")));
  const std::string young = one("default", "REGISTRY_ONLY", ", creationTimestamp: \"2026-01-02T00:00:00Z\"");
  EXPECT_FALSE(denies(young + one("z", "ALLOW_ANY", ", creationTimestamp: \"2026-01-01T00:00:00Z\""))) << "by age";
  EXPECT_TRUE(denies(young + one("a", "ALLOW_ANY", ", creationTimestamp: \"2026-01-03T00:00:00Z\"")));
  const std::string own = one("z", "ALLOW_ANY", "", "workloadSelector: {labels: {app: a}}, ");
  EXPECT_FALSE(denies(closed + own, {{"app", "a"}, {"x", "y"}})) << "by selector";
  EXPECT_TRUE(denies(closed + own, {{"app", "b"}}));
  EXPECT_TRUE(denies(closed + "---\nkind: Sidecar\nmetadata: {name: e, namespace: t}\nspec: {egress: []}\n"));
}

}  // namespace
}  // namespace egressproof::backend::fake
