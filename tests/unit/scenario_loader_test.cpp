// A suite that says everything, and the values that it means.
#include <gtest/gtest.h>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

using Texts = std::vector<std::string>;
using std::chrono::milliseconds;

class ValidSuite : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.copy(testing::data / "valid");
    loaded_ = folder_.load();
    ASSERT_EQ(folder_.messages(loaded_), "");
  }
  const Suite& suite() const { return loaded_.suite; }
  const Case& one_case(const std::string& id) const {
    for (const Scenario& scenario : suite().scenarios)
      for (const Case& one : scenario.cases)
        if (one.id == id) return one;
    ADD_FAILURE() << "no case " << id;
    static const Case none;
    return none;
  }
  std::string name_of(const Location& at) const {
    return to_string(Location{std::filesystem::relative(at.file, folder_.path()).string(), at.line, at.column});
  }

  testing::Folder folder_;
  Loaded loaded_;
};

TEST_F(ValidSuite, Fixtures) {
  EXPECT_EQ(suite().zones, (Texts{"test", "example.org"}));
  ASSERT_EQ(suite().fixtures.size(), 5U);
  const Fixture& allow = suite().fixtures[0];
  EXPECT_EQ(allow.name, "allow");
  EXPECT_EQ(allow.addresses, (Texts{"198.51.100.10", "2001:db8::10"}));
  EXPECT_EQ(allow.ports, (std::vector<std::uint16_t>{80, 443, 8443}));
  EXPECT_EQ(allow.names, (Texts{"allow.test", "www.example.org"}));
  EXPECT_FALSE(allow.every_port);
  EXPECT_TRUE(allow.listening);
  EXPECT_EQ(name_of(allow.at), "fixtures.yaml:6:3");
  EXPECT_TRUE(suite().fixtures[3].every_port);
  EXPECT_FALSE(suite().fixtures[4].listening);
  ASSERT_EQ(suite().records.size(), 2U);
  EXPECT_EQ(suite().records[0].name, "*.wild.test");
  EXPECT_EQ(suite().records[0].values, (Texts{"wild-a", "198.51.100.52"}));
  EXPECT_EQ(suite().records[0].ttl, 5U);
  EXPECT_EQ(suite().records[1].type, "AAAA");
  EXPECT_EQ(suite().records[1].ttl, 1U);
  EXPECT_EQ(suite().roles.size(), 3U);
  EXPECT_EQ(suite().roles.at("missing").name, "missing.test");
  EXPECT_EQ(suite().roles.at("missing").fixture, "allow");
}

TEST_F(ValidSuite, Profiles) {
  ASSERT_EQ(suite().profiles.size(), 5U);
  const Profile& vantage = suite().profiles[0];
  EXPECT_EQ(vantage.name, "P0");
  EXPECT_EQ(vantage.ns, "tenant-p0");
  EXPECT_EQ(vantage.mesh, Mesh::none);
  EXPECT_TRUE(vantage.vantage);
  EXPECT_EQ(suite().profiles[1].title, "sidecar, ALLOW_ANY");
  EXPECT_EQ(suite().profiles[1].mesh, Mesh::sidecar);
  EXPECT_TRUE(suite().profiles[1].roles.empty()) << "only what the profile itself says";
  EXPECT_EQ(suite().profiles[2].dialled, (std::map<std::string, std::string>{{"allow", "192.0.2.10"}}));
  EXPECT_EQ(suite().profiles[3].ns, "wild");
  EXPECT_EQ(suite().profiles[3].roles.at("allowed").name, "a.wild.test");
  EXPECT_EQ(suite().profiles[4].roles.at("allowed").fixture, "wild-a") << "by alias";
}

TEST_F(ValidSuite, Policies) {
  const Profile& profile = suite().profiles[2];
  ASSERT_EQ(profile.policy_files.size(), 2U);
  ASSERT_EQ(profile.policies.size(), 4U);
  EXPECT_EQ(profile.policies[0].kind, "Sidecar");
  EXPECT_EQ(profile.policies[0].api_version, "networking.istio.io/v1");
  EXPECT_EQ(profile.policies[0].name, "default");
  EXPECT_EQ(profile.policies[0].ns, "");
  EXPECT_EQ(name_of(profile.policies[0].at), "policies/registry-only.yaml:2:1");
  EXPECT_EQ(profile.policies[1].yaml,
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
            "metadata: {name: allow, annotations: {port: \"8443\"}}\n"
            "spec: {hosts: [allow.test], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}\n");
  EXPECT_EQ(profile.policies[3].ns, "shared");
  EXPECT_EQ(name_of(profile.policies[3].at), "policies/entries.yaml:14:1");
  EXPECT_EQ(suite().profiles[3].policies.size(), 1U);
}

TEST_F(ValidSuite, ScenariosAndCells) {
  ASSERT_EQ(suite().scenarios.size(), 2U);
  EXPECT_EQ(suite().scenarios[0].name, "reach") << "files in byte order";
  const Scenario& spoof = suite().scenarios[1];
  EXPECT_EQ(spoof.requirement, "A workload reaches only allowlisted hosts, whatever it puts on the wire.");
  ASSERT_EQ(spoof.cases.size(), 5U);
  const Case& first = spoof.cases[0];
  EXPECT_EQ(first.id, "host-spoof-other-ip");
  EXPECT_EQ(first.tags, Texts{"bypass"});
  EXPECT_EQ(first.needs, Texts{"network-policy"});
  EXPECT_EQ(first.fix, "never resolution NONE for allowlisting");
  EXPECT_EQ(first.why, "resolution NONE becomes an ORIGINAL_DST cluster");
  EXPECT_EQ(first.reference, "https://istio.io/latest/docs/tasks/traffic-management/egress/egress-control/");
  ASSERT_EQ(first.corrections.size(), 1U);
  EXPECT_EQ(first.corrections[0].profiles, Texts{"P3v"});
  EXPECT_EQ(first.corrections[0].catalogue, "D");
  EXPECT_EQ(first.corrections[0].because, "the VIP listener is not reached by the address of the sink");
  EXPECT_EQ(first.expectations.at("P3v").expect, Expect::reroute);
  EXPECT_EQ(first.expectations.at("P3v").stance, Stance::enforced);
  EXPECT_EQ(first.expectations.at("P5n").expect, Expect::leak);
  EXPECT_EQ(first.expectations.at("P5n").stance, Stance::known_leak);
  EXPECT_EQ(name_of(first.expectations.at("P5n").at), "rows/spoof.yaml:11:45");
  EXPECT_FALSE(first.control);
  const Case& outage = one_case("ctl-nxdomain");
  EXPECT_EQ(outage.expectations.size(), 2U) << "'.' is not applicable";
  EXPECT_EQ(outage.expectations.at("P1").expect, Expect::outage);
  EXPECT_EQ(outage.target, "allow");
}

TEST_F(ValidSuite, Variants) {
  const Case& one = one_case("lookalike-names");
  ASSERT_EQ(one.variants.size(), 3U);
  EXPECT_EQ(one.variants[2].name, "sni");
  EXPECT_EQ(one.expectations.at("P0").expect, Expect::allow);
  EXPECT_EQ(one.expectations.at("P1").stance, Stance::implementation_defined);
  ASSERT_EQ(one.variant_expectations.size(), 1U);
  const auto& row = one.variant_expectations.at("suffix");
  EXPECT_FALSE(row.contains("P1"));
  EXPECT_EQ(row.at("P3v").expect, Expect::deny);
  EXPECT_EQ(row.at("P5n").expect, Expect::leak);
  EXPECT_EQ(row.at("P5n").stance, Stance::implementation_defined);
  const AttemptSpec merged = overlay(one.attempt, one.variants[2].attempt);
  EXPECT_EQ(merged.protocol, probe::Protocol::tls);
  EXPECT_EQ(merged.dial, "deny:443");
  EXPECT_EQ(merged.sni, "xallow.test");
  EXPECT_EQ(overlay(one.attempt, one.variants[0].attempt).dial, "deny:80");
}

TEST_F(ValidSuite, EveryKeyOfAnAttempt) {
  const Case& one = one_case("everything-said");
  const AttemptSpec& spec = one.attempt;
  EXPECT_EQ(spec.protocol, probe::Protocol::http2);
  EXPECT_EQ(spec.to, "{allowed}:443");
  EXPECT_FALSE(spec.dial);
  EXPECT_EQ(spec.tls, true);
  EXPECT_EQ(spec.sni, "");
  EXPECT_EQ(spec.alpn, (Texts{"h2", "http/1.1"}));
  EXPECT_EQ(spec.ech_extension, true);
  EXPECT_EQ(spec.host, "{allowed}:8443");
  EXPECT_EQ(spec.method, "POST");
  EXPECT_EQ(spec.path, "/r/{nonce}?x=1");
  EXPECT_EQ(spec.headers, (probe::Fields{{"x-orig", "{sink.address}:80"}, {"x-vip", "{allow.address}"}}));
  EXPECT_EQ(spec.fields, (probe::Fields{{":method", "GET"}, {":path", "/{nonce}"}}));
  EXPECT_EQ(spec.follow_redirects, 2);
  ASSERT_TRUE(spec.earlier);
  EXPECT_EQ(spec.earlier->host, "{allowed}");
  EXPECT_EQ(spec.earlier->path, "/first/{nonce}");
  EXPECT_EQ(spec.family, probe::Family::any);
  EXPECT_EQ(spec.resolve_limit, milliseconds(2000));
  EXPECT_EQ(spec.connect_limit, milliseconds(500));
  EXPECT_EQ(spec.tls_limit, milliseconds(1000));
  EXPECT_EQ(spec.response_limit, milliseconds(600000));
  EXPECT_EQ(one.target, "allowed");
  EXPECT_EQ(one.target_host, "{allowed}");
  ASSERT_TRUE(one.control);
  const AttemptSpec control = overlay(spec, *one.control);
  EXPECT_EQ(control.dial, "[2001:db8::10]:443");
  EXPECT_EQ(control.sni, "allow.test");
  EXPECT_EQ(control.host, "{allowed}:8443");

  const Case& raw = one_case("raw-bytes");
  EXPECT_EQ(raw.variants[0].attempt.payload, std::string("\0\xFF{nonce}{\"json\": 1}\r\n", 22));
  EXPECT_EQ(raw.variants[1].attempt.query_type, "TXT");
  EXPECT_EQ(raw.variants[1].attempt.server, "{sink.address}");
}

// Each field is taken from `over` where it is set and from `base` where it is not.
TEST(Overlay, TakesWhatIsSaid) {
  AttemptSpec full;
  full.protocol = probe::Protocol::dns;
  full.to = full.dial = full.sni = full.host = full.method = full.path = full.payload = full.query_type = full.server =
      "over";
  full.tls = full.ech_extension = true;
  full.outer = probe::OuterTls{"over"};
  full.alpn = {"over"};
  full.headers = full.fields = probe::Fields{{"over", ""}};
  full.follow_redirects = 7;
  full.earlier = probe::EarlierRequest{"over", "/"};
  full.family = probe::Family::ipv6;
  full.resolve_limit = full.connect_limit = full.tls_limit = full.response_limit = milliseconds(7);
  for (const AttemptSpec& spec : {overlay(full, {}), overlay({}, full)}) {
    EXPECT_EQ(spec.protocol, full.protocol);
    for (const auto member :
         {&AttemptSpec::to, &AttemptSpec::dial, &AttemptSpec::sni, &AttemptSpec::host, &AttemptSpec::method,
          &AttemptSpec::path, &AttemptSpec::payload, &AttemptSpec::query_type, &AttemptSpec::server})
      EXPECT_EQ(spec.*member, "over");
    EXPECT_EQ(spec.tls, true);
    EXPECT_EQ(spec.ech_extension, true);
    EXPECT_EQ(spec.outer, full.outer);
    EXPECT_EQ(spec.alpn, full.alpn);
    EXPECT_EQ(spec.headers, full.headers);
    EXPECT_EQ(spec.fields, full.fields);
    EXPECT_EQ(spec.follow_redirects, 7);
    EXPECT_EQ(spec.earlier->host, "over");
    EXPECT_EQ(spec.family, full.family);
    for (const auto member : {&AttemptSpec::resolve_limit, &AttemptSpec::connect_limit, &AttemptSpec::tls_limit,
                              &AttemptSpec::response_limit})
      EXPECT_EQ(spec.*member, milliseconds(7));
  }
  AttemptSpec base;
  base.host = "base";
  EXPECT_EQ(overlay(base, full).host, "over");
}

TEST_F(ValidSuite, ReachTables) {
  const Scenario& reach = suite().scenarios[0];
  ASSERT_EQ(reach.cases.size(), 2U);
  const Case& first = reach.cases[0];
  EXPECT_EQ(first.id, "reach.allow.test:443");
  EXPECT_EQ(first.attempt.protocol, probe::Protocol::tls);
  EXPECT_EQ(first.attempt.to, "allow.test:443");
  EXPECT_EQ(first.target, "allow");
  EXPECT_EQ(first.expectations.size(), 3U);
  EXPECT_EQ(name_of(first.at), "rows/reach.yml:11:5");
  EXPECT_EQ(reach.cases[1].target, "wild-a") << "by the wildcard record";
  EXPECT_FALSE(reach.cases[1].expectations.contains("P3v"));
  EXPECT_FALSE(first.title.empty());
  EXPECT_FALSE(first.reference.empty());
}

TEST(Load, LeavesFoldersNamedPoliciesOut) {
  const testing::Folder folder;
  folder.copy(testing::data / "valid");
  folder.write("rows/policies/broken.yaml", "a: [");
  folder.write("rows/notes.txt", "a: [");
  EXPECT_EQ(folder.messages(folder.load()), "");
}

TEST(Load, ReadsWhereARecordMoves) {
  const testing::Folder folder;
  folder.copy(testing::data / "valid");
  std::string text = folder.read("fixtures.yaml");
  const std::string record = "{name: six.test, type: AAAA, values: [allow]";
  ASSERT_NE(text.find(record), std::string::npos);
  folder.write("fixtures.yaml",
               text.insert(text.find(record) + record.size(), ", moved-to: [\"2001:DB8::20\", allow]"));
  const Loaded loaded = folder.load();
  ASSERT_EQ(folder.messages(loaded), "");
  EXPECT_EQ(loaded.suite.records.at(1).moved_to, (Texts{"2001:db8::20", "allow"}));
  EXPECT_TRUE(loaded.suite.records.at(0).moved_to.empty());
}

TEST(Load, ReadsSeveralDocumentsOfOneFile) {
  const testing::Folder folder;
  folder.copy(testing::data / "valid/policies");
  std::string all;
  for (const char* name : {"fixtures.yaml", "profiles.yaml", "rows/spoof.yaml", "rows/reach.yml"})
    all += "---\n" + testing::content_of(testing::data / "valid" / name);
  for (std::size_t at = 0; (at = all.find("policies/", at)) != std::string::npos;) all.erase(at, 9);
  folder.write("all/suite.yaml", "\xEF\xBB\xBF" + all);
  std::filesystem::rename(folder.path() / "entries.yaml", folder.path() / "all/entries.yml.txt");
  std::filesystem::rename(folder.path() / "registry-only.yaml", folder.path() / "all/registry.txt");
  for (const auto& [from, to] : {std::pair{"entries.yaml", "entries.yml.txt"}, {"registry-only.yaml", "registry.txt"}})
    for (std::size_t at = 0; (at = all.find(from, at)) != std::string::npos;)
      all.replace(at, std::string(from).size(), to);
  folder.write("all/suite.yaml", "\xEF\xBB\xBF" + all);
  const Loaded loaded = folder.load();
  EXPECT_EQ(folder.messages(loaded), "");
  EXPECT_EQ(loaded.suite.scenarios.size(), 2U);
  EXPECT_EQ(loaded.suite.profiles[2].policies.size(), 4U);
}

TEST(Render, TellsPlaceLineCaretHintAndContext) {
  const testing::Folder folder;
  folder.write("a.yaml", "first: 1\r\n\tk\xC3\xA4se:\t5\x1b[31m # x\r\n");
  const std::string file = (folder.path() / "a.yaml").string();
  EXPECT_EQ(render({{file, 2, 8}, "wrong\x1b", "did you mean 6?", "in case 'c' (a.yaml:1:1)"}),
            file +
                ":2:8: error: wrong?\n    2 | \tk\xC3\xA4se:\t5?[31m # x\n"
                "      | \t     \t^ did you mean 6?\n      in case 'c' (a.yaml:1:1)\n");
  EXPECT_EQ(render({{file, 99, 1}, "gone", "look", ""}), file + ":99:1: error: gone\n      look\n");
  EXPECT_EQ(render({{file + "x", 0, 0}, "gone", "", ""}), file + "x: error: gone\n");
}

}  // namespace
}  // namespace egressproof::scenario
