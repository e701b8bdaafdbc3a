// The text of rulesets and what is read back. That the text means the right thing is shown with packets:
// tests/lab/nftables_test.cpp.
#include "runner/backend/lab/nftables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace egressproof::backend::lab {
namespace {

using policy::NetworkPolicy;
using policy::Protocol;
using testing::HasSubstr;
using testing::Not;

policy::Cluster cluster() {
  return {{{"red", {}}, {"blue", {{"team", "blue"}}}},
          {{"red", "a", {{"app", "a"}}, {"203.0.113.10", "2001:db8:113::a"}, {}},
           {"red", "b", {{"app", "b"}}, {"203.0.113.11"}, {{"http", Protocol::tcp, 8080}}},
           {"blue", "c", {}, {"203.0.113.12"}, {{"http", Protocol::tcp, 9090}}}}};
}
const PodInterfaces interfaces{{"red/a", "v0"}, {"red/b", "v1"}};

NetworkPolicy policy(const std::string& name, const std::string& spec) {
  scenario::PolicyObject object;
  object.yaml = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name + "}\nspec: " + spec;
  auto parsed = policy::parse_network_policy(object, "red");
  EXPECT_TRUE(parsed) << (parsed ? "" : to_string(parsed.error()));
  return parsed ? *parsed : NetworkPolicy{};
}

// The lines of the chain that hold rules.
std::string chain(const std::string& text, const std::string& name) {
  const std::size_t start = text.find("chain " + name + " {\n");
  if (start == std::string::npos) return "";
  const std::size_t body = text.find('\n', start) + 1;
  return text.substr(body, text.find("  }\n", body) - body);
}

std::string egress_of_a(const std::string& rules) {
  const auto text = nft_ruleset(
      {policy("p", "{podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], egress: [" + rules + "]}")},
      cluster(), interfaces);
  EXPECT_TRUE(text) << (text ? "" : to_string(text.error()));
  return text ? chain(*text, "egress_0") : "";
}

constexpr const char* hit = "counter name \"policy.egress.red/p\" return\n";
constexpr const char* drop = "    jump witness\n    counter name \"drop.egress.red/a\" drop\n";

TEST(LabNftablesTest, RulesOfOnePod) {
  const std::pair<const char*, std::string> rows[] = {
      {"", ""},
      {"{}", std::string("    ") + hit},
      {"{ports: [{port: 443}, {protocol: UDP}, {protocol: SCTP, port: 1, endPort: 9}]}",
       std::string("    tcp dport 443 ") + hit + "    meta l4proto udp " + hit + "    sctp dport 1-9 " + hit},
      {"{to: [{podSelector: {}}]}",
       std::string("    ip daddr { 203.0.113.10, 203.0.113.11 } ") + hit + "    ip6 daddr { 2001:db8:113::a } " + hit},
      {"{to: [{podSelector: {matchLabels: {app: nobody}}}]}", ""},
      {"{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.1.2.0/24]}}], ports: [{port: 80}]}",
       std::string("    ip daddr 10.0.0.0/8 ip daddr != { 10.1.0.0/16, 10.1.2.0/24 } tcp dport 80 ") + hit},
      {"{to: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: \"::/0\", except: [\"2001:db8::/32\"]}}]}",
       std::string("    ip version 4 ") + hit + "    ip6 version 6 ip6 daddr != { 2001:db8::/32 } " + hit},
      {"{ports: [{port: http}]}", std::string("    ip daddr { 203.0.113.11 } tcp dport 8080 ") + hit +
                                      "    ip daddr { 203.0.113.12 } tcp dport 9090 " + hit},
      {"{to: [{namespaceSelector: {matchLabels: {team: blue}}}], ports: [{port: http}]}",
       std::string("    ip daddr { 203.0.113.12 } tcp dport 9090 ") + hit},
  };
  for (const auto& [rules, expected] : rows) EXPECT_EQ(egress_of_a(rules), expected + drop) << rules;
}

TEST(LabNftablesTest, IngressTakesThePortNamesOfThePodItself) {
  const auto text =
      nft_ruleset({policy("p",
                          "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: a}}}], ports: "
                          "[{port: http}]}]}")},
                  cluster(), interfaces);
  ASSERT_TRUE(text);
  EXPECT_EQ(chain(*text, "ingress_0"), "    jump witness\n    counter name \"drop.ingress.red/a\" drop\n");
  EXPECT_EQ(chain(*text, "ingress_1"),
            "    ip saddr { 203.0.113.10 } tcp dport 8080 counter name \"policy.ingress.red/p\" return\n"
            "    ip6 saddr { 2001:db8:113::a } tcp dport 8080 counter name \"policy.ingress.red/p\" return\n"
            "    jump witness\n    counter name \"drop.ingress.red/b\" drop\n");
}

TEST(LabNftablesTest, OnlyIsolatedPodsAreJudged) {
  const auto none = nft_ruleset({}, cluster(), interfaces);
  ASSERT_TRUE(none);
  EXPECT_THAT(*none, Not(HasSubstr("vmap")));
  EXPECT_THAT(*none, Not(HasSubstr(" drop\n")));
  const auto one = nft_ruleset({policy("p", "{podSelector: {matchLabels: {app: b}}, policyTypes: [Egress]}")},
                               cluster(), interfaces);
  ASSERT_TRUE(one);
  EXPECT_THAT(chain(*one, "prerouting"), HasSubstr("iifname vmap { \"v1\" : jump egress_1 }"));
  EXPECT_THAT(*one, Not(HasSubstr("\"v0\"")));
}

TEST(LabNftablesTest, SameInputSameText) {
  std::vector<NetworkPolicy> given;
  for (const char* name : {"c", "a", "b"})
    given.push_back(policy(name, "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}"));
  const auto first = nft_ruleset(given, cluster(), interfaces);
  ASSERT_TRUE(first);
  std::vector<NetworkPolicy> printed;
  for (const NetworkPolicy& one : given) {
    scenario::PolicyObject object;
    object.yaml = policy::print(one);
    printed.push_back(policy::parse_network_policy(object, "elsewhere").value());
  }
  std::reverse(printed.begin(), printed.end());
  EXPECT_EQ(nft_ruleset(printed, cluster(), interfaces).value(), *first);
}

TEST(LabNftablesTest, RecheckForgetsConnections) {
  EXPECT_THAT(nft_ruleset({}, cluster(), interfaces, Established::recheck).value(),
              HasSubstr("flush set bridge egressproof flow4\n"));
  EXPECT_THAT(nft_ruleset({}, cluster(), interfaces, Established::keep).value(), Not(HasSubstr("flush set")));
}

TEST(LabNftablesTest, RefusesWhatItCannotEnforce) {
  const auto refusal = [](const std::vector<NetworkPolicy>& policies, const PodInterfaces& given) {
    const auto text = nft_ruleset(policies, cluster(), given);
    return text ? "no error" : text.error().message;
  };
  const NetworkPolicy deny = policy("deny", "{podSelector: {}}");
  EXPECT_EQ(refusal({deny}, {{"red/a", "v0"}}),
            "NetworkPolicy 'red/deny' selects pod 'red/b', which has no interface here");
  EXPECT_EQ(refusal({deny, deny}, interfaces), "two NetworkPolicies are 'red/deny'");
  EXPECT_EQ(refusal({}, {{"red/a", "v0\" ; drop"}}), "pod 'red/a': 'v0\" ; drop' is not an interface");
  EXPECT_EQ(refusal({}, {{"red/a", "sixteen-letters-"}}), "pod 'red/a': 'sixteen-letters-' is not an interface");
  NetworkPolicy named = deny;
  named.name = "a b";
  EXPECT_EQ(refusal({named}, interfaces), "NetworkPolicy 'red/a b': nft cannot name a counter so");
}

constexpr const char* listing = R"({"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
  {"table": {"family": "bridge", "name": "egressproof", "handle": 1}},
  {"counter": {"family": "bridge", "name": "drop.egress.red/a.b", "table": "egressproof", "handle": 4, "packets": 7, "bytes": 420}},
  {"counter": {"family": "bridge", "name": "drop.ingress.red/a.b", "table": "egressproof", "handle": 5, "packets": 2, "bytes": 1}},
  {"counter": {"family": "bridge", "name": "spoof.red/a.b", "table": "egressproof", "handle": 6, "packets": 1, "bytes": 1}},
  {"counter": {"family": "bridge", "name": "policy.egress.red/p", "table": "egressproof", "handle": 7, "packets": 3, "bytes": 1}},
  {"counter": {"family": "bridge", "name": "policy.ingress.red/p", "table": "egressproof", "handle": 8, "packets": 4, "bytes": 1}},
  {"counter": {"family": "bridge", "name": "drop.egress.red/b", "table": "other", "handle": 9, "packets": 9, "bytes": 1}},
  {"chain": {"family": "bridge", "table": "egressproof", "name": "record", "handle": 1}}]})";

TEST(LabNftablesTest, ReadsCounters) {
  const auto counters = parse_nft_counters(listing);
  ASSERT_TRUE(counters) << to_string(counters.error());
  ASSERT_EQ(counters->drops.size(), 1U);
  EXPECT_EQ(counters->drops.at("red/a.b").egress, 7U);
  EXPECT_EQ(counters->drops.at("red/a.b").ingress, 2U);
  EXPECT_EQ(counters->drops.at("red/a.b").spoofed, 1U);
  ASSERT_EQ(counters->hits.size(), 1U);
  EXPECT_EQ(counters->hits.at("red/p").egress, 3U);
  EXPECT_EQ(counters->hits.at("red/p").ingress, 4U);
}

TEST(LabNftablesTest, AListingThatIsNotOursIsAnError) {
  for (const char* wrong : {"", "{", "[]", "{\"nftables\": {}}", "{\"nftables\": []}", "{\"nftables\": [7, {}]}",
                            R"({"nftables": [{"table": {"family": "inet", "name": "egressproof"}}]})",
                            R"({"nftables": [{"table": {"family": "bridge", "name": "egressproof"}},
                                {"counter": {"family": "bridge", "table": "egressproof", "name": "spoof.a/b", "packets": -1}}]})",
                            R"({"nftables": [{"table": {"family": "bridge", "name": "egressproof"}},
                                {"counter": {"family": "bridge", "table": "egressproof", "packets": 1}}]})"})
    EXPECT_FALSE(parse_nft_counters(wrong)) << wrong;
}

// As nft 1.0.6 lists a set.
std::string dropped_listing(const std::string& set, const std::string& elements) {
  return R"({"nftables": [{"metainfo": {"version": "1.0.6"}}, {"set": {"family": "bridge", "name": ")" + set +
         R"(", "table": "egressproof", "timeout": 3600)" + (elements.empty() ? "" : R"(, "elem": [)" + elements + "]") +
         "}}]}";
}

TEST(LabNftablesTest, ReadsDroppedPackets) {
  const auto four = parse_nft_drops(
      dropped_listing(
          "dropped4",
          R"({"elem": {"val": {"concat": ["203.0.113.10", "198.51.100.1", "tcp", 20001, 80]}, "expires": 3590}},)"
          R"({"elem": {"val": {"concat": ["203.0.113.10", "198.51.100.1", "udp", 20001, 53]}, "expires": 3588}})"),
      std::chrono::seconds(1000));
  ASSERT_TRUE(four) << to_string(four.error());
  ASSERT_EQ(four->size(), 2U);
  EXPECT_EQ(four->at(0).source, "203.0.113.10:20001");
  EXPECT_EQ(four->at(0).destination, "198.51.100.1:80");
  EXPECT_EQ(four->at(0).at, std::chrono::milliseconds(990500)) << "9 s to 10 s before the listing";
  EXPECT_EQ(four->at(1).protocol, "udp");
  const auto six = parse_nft_drops(
      dropped_listing(
          "dropped6",
          R"({"elem": {"val": {"concat": ["2001:db8::1", "2001:db8::2", "tcp", 20002, 443]}, "expires": 3599}})"),
      {});
  ASSERT_TRUE(six) << to_string(six.error());
  EXPECT_EQ(six->at(0).source, "[2001:db8::1]:20002");
  EXPECT_EQ(six->at(0).destination, "[2001:db8::2]:443");
}

TEST(LabNftablesTest, ASetWithoutElementsIsEmptyAndNoSetAnError) {
  const auto none = parse_nft_drops(dropped_listing("dropped4", ""), {});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  EXPECT_FALSE(parse_nft_drops(listing, {})) << "no set";
  EXPECT_FALSE(parse_nft_drops(dropped_listing("flow4", ""), {})) << "another set";
  EXPECT_FALSE(parse_nft_drops("{}", {}));
  for (const char* wrong : {"7", "{}", R"({"elem": {"val": {"concat": ["a", "b", "tcp", 1]}, "expires": 1}})",
                            R"({"elem": {"val": {"concat": ["a", "b", "tcp", 1, 2]}}})"})
    EXPECT_FALSE(parse_nft_drops(dropped_listing("dropped4", wrong), {})) << wrong;
}

}  // namespace
}  // namespace egressproof::backend::lab
