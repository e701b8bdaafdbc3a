// Manifests to values: every mistake at its place with its field's path, and printing as the inverse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "runner/policy/network_policy.h"

namespace egressproof::policy {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Result<NetworkPolicy> parse(const std::string& yaml, const std::string& ns = "red") {
  scenario::PolicyObject object;
  object.yaml = yaml;
  object.at = {"policies/p.yaml", 40, 1};
  return parse_network_policy(object, ns);
}

std::string with_spec(const std::string& spec) {
  return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\nspec:\n" + spec;
}

std::string message(const std::string& yaml) {
  const auto parsed = parse(yaml);
  if (parsed) return "no error";
  EXPECT_EQ(parsed.error().kind, ErrorKind::scenario);
  return parsed.error().message;
}

TEST(NetworkPolicyParseTest, ReadsEveryField) {
  const auto parsed = parse(R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: test-network.policy
  namespace: default
  labels: {app.kubernetes.io/name: x}
  annotations: {note: "any text: at all"}
  creationTimestamp: null
spec:
  podSelector:
    matchLabels: {role: db}
    matchExpressions:
    - {key: tier, operator: In, values: [a, "1"]}
    - {key: example.com/old, operator: DoesNotExist}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - ipBlock: {cidr: 172.17.0.9/16, except: [172.17.1.0/24]}
    - namespaceSelector: {matchLabels: {project: myproject}}
      podSelector: {}
    ports:
    - {protocol: TCP, port: 6379}
    - {protocol: SCTP, port: 7, endPort: 9}
  egress:
  - to:
    ports:
    - {port: http}
  - {}
)");
  ASSERT_TRUE(parsed) << to_string(parsed.error());
  NetworkPolicy expected;
  expected.ns = "default";
  expected.name = "test-network.policy";
  expected.pod_selector.match_labels = {{"role", "db"}};
  expected.pod_selector.match_expressions = {{"tier", SelectorOperator::in, {"a", "1"}},
                                             {"example.com/old", SelectorOperator::does_not_exist, {}}};
  expected.ingress = expected.egress = true;
  NetworkPolicyPeer block, pods;
  block.ip_block = IpBlock{"172.17.0.0/16", {"172.17.1.0/24"}};
  pods.namespace_selector = LabelSelector{{{"project", "myproject"}}, {}};
  pods.pod_selector = LabelSelector{};
  NetworkPolicyPort named;
  named.port = std::string("http");
  expected.ingress_rules = {
      {{block, pods},
       {{Protocol::tcp, std::uint16_t{6379}, std::nullopt}, {Protocol::sctp, std::uint16_t{7}, std::uint16_t{9}}}}};
  expected.egress_rules = {{{}, {named}}, {}};
  EXPECT_EQ(*parsed, expected);
}

TEST(NetworkPolicyParseTest, DefaultsTheNamespace) { EXPECT_EQ(parse(with_spec("  {}"), "blue")->ns, "blue"); }

TEST(NetworkPolicyParseTest, AllProblemsAreToldWithTheirPlaces) {
  EXPECT_EQ(message(with_spec("  podSelektor: {}\n  egress:\n  - to:\n    - ipBlok: {cidr: 10.0.0.0/8}\n")),
            "policies/p.yaml:45:3: spec.podSelektor: unknown field (did you mean 'podSelector'?)\n"
            "policies/p.yaml:48:7: spec.egress[0].to[0].ipBlok: unknown field (did you mean 'ipBlock'?)\n"
            "policies/p.yaml:48:7: spec.egress[0].to[0]: must specify a peer");
}

struct Mistake {
  const char* spec;  // or a whole manifest, if it starts with "apiVersion"
  const char* expected;
};

TEST(NetworkPolicyParseTest, EveryMistakeHasItsMessage) {
  const Mistake mistakes[] = {
      {"  podSelector: {matchLabels: {a: 1}}", "spec.podSelector.matchLabels.a: must be a text, but 1 is a number"},
      {"  podSelector: {matchLabels: {a: yes}}",
       "spec.podSelector.matchLabels.a: must be a text, but yes is a boolean"},
      {"  podSelector: {matchLabels: {a/b/c: x}}", "spec.podSelector.matchLabels: 'a/b/c' is not a label key"},
      {"  podSelector: {matchLabels: {a: \"x y\"}}", "'x y' is not a label value"},
      {"  podSelector: {matchLabels: [a]}", "spec.podSelector.matchLabels: must be a mapping"},
      {"  podSelector: {matchLabels: {a: b, a: c}}", "spec.podSelector.matchLabels.a: is there twice"},
      {"  podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}", "operator 'in', must be In"},
      {"  podSelector: {matchExpressions: [{key: a, operator: In}]}",
       "spec.podSelector.matchExpressions[0]: operator 'In' needs values"},
      {"  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}", "operator 'NotIn' needs values"},
      {"  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
       "operator 'Exists' takes no values"},
      {"  podSelector: {matchExpressions: [{operator: Exists}]}",
       "spec.podSelector.matchExpressions[0].key: is missing"},
      {"  podSelector: {matchExpressions: [{key: a}]}", "spec.podSelector.matchExpressions[0].operator: is missing"},
      {"  podSelector: {matchExpressions: {key: a}}", "spec.podSelector.matchExpressions: must be a list"},
      {"  policyTypes: [ingress]", "spec.policyTypes[0]: 'ingress', must be 'Ingress' or 'Egress'"},
      {"  policyTypes: [Ingress, Egress, Egress]", "spec.policyTypes: may not specify more than two"},
      {"  policyTypes: Egress", "spec.policyTypes: must be a list"},
      {"  ingress: [{to: []}]", "spec.ingress[0].to: unknown field"},
      {"  egress: [{from: []}]", "spec.egress[0].from: unknown field"},
      {"  egress: [{to: [{}]}]", "spec.egress[0].to[0]: must specify a peer"},
      {"  egress: [{to: [{podSelector: null}]}]", "spec.egress[0].to[0]: must specify a peer"},
      {"  egress: [null]", "spec.egress[0]: must be a mapping"},
      {"  egress: [{to: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]",
       "spec.egress[0].to[0]: may not specify both ipBlock and another peer"},
      {"  egress: [{to: [{ipBlock: {}}]}]", "spec.egress[0].to[0].ipBlock.cidr: is missing"},
      {"  egress: [{to: [{ipBlock: {cidr: 10.0.0.1}}]}]",
       "spec.egress[0].to[0].ipBlock.cidr: '10.0.0.1' is not a CIDR block"},
      {"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/33}}]}]", "'10.0.0.0/33' is not a CIDR block"},
      {"  egress: [{to: [{ipBlock: {cidr: \"::ffff:10.0.0.0/104\"}}]}]", "is not a CIDR block"},
      {"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]",
       "spec.egress[0].to[0].ipBlock.except[0]: must be a strict subset of cidr"},
      {"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]", "must be a strict subset of cidr"},
      {"  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [\"2001:db8::/64\"]}}]}]", "must be a strict subset"},
      {"  egress: [{ports: [{protocol: ICMP}]}]", "spec.egress[0].ports[0].protocol: 'ICMP', must be TCP, UDP or SCTP"},
      {"  egress: [{ports: [{protocol: tcp}]}]", "'tcp', must be TCP, UDP or SCTP"},
      {"  egress: [{ports: [{port: 0}]}]", "spec.egress[0].ports[0].port: must be a whole number from 1 to 65535"},
      {"  egress: [{ports: [{port: 65536}]}]", "must be a whole number from 1 to 65535"},
      {"  egress: [{ports: [{port: -1}]}]", "must be a whole number from 1 to 65535"},
      {"  egress: [{ports: [{port: 0443}]}]", "must be a whole number from 1 to 65535"},
      {"  egress: [{ports: [{port: \"443\"}]}]", "spec.egress[0].ports[0].port: '443' is not a port name"},
      {"  egress: [{ports: [{port: a--b}]}]", "'a--b' is not a port name"},
      {"  egress: [{ports: [{port: sixteen-letters-}]}]", "is not a port name"},
      {"  egress: [{ports: [{endPort: 9}]}]", "spec.egress[0].ports[0].endPort: needs a numeric port"},
      {"  egress: [{ports: [{port: http, endPort: 9}]}]", "endPort: needs a numeric port"},
      {"  egress: [{ports: [{port: 10, endPort: 9}]}]", "endPort: must be greater than or equal to port"},
      {"  egress: {}", "spec.egress: must be a list"},
      {"  podSelector: {", "policies/p.yaml:"},
      {"  &x podSelector: {}\n  <<: {egress: []}", "<<"},
      {"apiVersion: networking.k8s.io/v1beta1\nkind: NetworkPolicy\nmetadata: {name: p}",
       "apiVersion: 'networking.k8s.io/v1beta1', must be 'networking.k8s.io/v1'"},
      {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicies\nmetadata: {name: p}", "must be 'NetworkPolicy'"},
      {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy", "metadata: is missing"},
      {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {}", "metadata.name: is missing"},
      {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: A}", "metadata.name: must be a DNS"},
      {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: a.b}",
       "metadata.namespace: must be a DNS label"},
      {"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nstatus: {}",
       "status: unknown field"},
      {"apiVersion: networking.k8s.io/v1\n---\nkind: NetworkPolicy", "one document is expected"},
  };
  for (const Mistake& mistake : mistakes) {
    const std::string given = mistake.spec;
    const std::string told = message(given.starts_with("apiVersion") ? given : with_spec(given));
    EXPECT_THAT(told, StartsWith("policies/p.yaml:4")) << given;
    EXPECT_THAT(told, HasSubstr(mistake.expected)) << given;
  }
}

// Random valid policies, so that printing leaves nothing out.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  NetworkPolicy policy() {
    NetworkPolicy made;
    made.ns = pick({"red", "blue"});
    made.name = pick({"p", "a.b-c"});
    made.pod_selector = selector();
    made.ingress = flip();
    made.egress = !made.ingress || flip();
    for (int i = below(3); i > 0; --i) made.ingress_rules.push_back(rule());
    for (int i = below(3); i > 0; --i) made.egress_rules.push_back(rule());
    return made;
  }

 private:
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  bool flip() { return below(2) == 1; }
  std::string pick(const std::vector<std::string>& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }

  LabelSelector selector() {
    LabelSelector made;
    for (int i = below(3); i > 0; --i)
      made.match_labels[pick({"app", "example.com/x", "true", "1"})] =
          pick({"", "a", "yes", "1", "1.5", "null", "0x1"});
    for (int i = below(3); i > 0; --i) {
      const auto op = static_cast<SelectorOperator>(below(4));
      const bool values = op == SelectorOperator::in || op == SelectorOperator::not_in;
      made.match_expressions.push_back(
          {pick({"app", "off"}), op,
           values ? std::vector<std::string>{pick({"a", "on"}), ""} : std::vector<std::string>{}});
    }
    return made;
  }

  NetworkPolicyRule rule() {
    NetworkPolicyRule made;
    for (int i = below(3); i > 0; --i) {
      NetworkPolicyPeer peer;
      switch (below(4)) {
        case 0:
          peer.pod_selector = selector();
          break;
        case 1:
          peer.namespace_selector = selector();
          break;
        case 2:
          peer.pod_selector = selector(), peer.namespace_selector = selector();
          break;
        default:
          peer.ip_block = IpBlock{"10.0.0.0/8", {}};
          break;
      }
      if (peer.ip_block && flip()) peer.ip_block = IpBlock{"::/0", {"2001:db8::/32", "fe80::/10"}};
      made.peers.push_back(std::move(peer));
    }
    for (int i = below(3); i > 0; --i) {
      NetworkPolicyPort port;
      port.protocol = static_cast<Protocol>(below(3));
      if (flip()) port.port = static_cast<std::uint16_t>(1 + below(60000));
      if (std::holds_alternative<std::uint16_t>(port.port) && flip()) port.end_port = 65535;
      if (std::holds_alternative<std::monostate>(port.port) && flip()) port.port = std::string("http-2");
      made.ports.push_back(port);
    }
    return made;
  }

  std::mt19937 random_;
};

TEST(NetworkPolicyParseTest, PrintingIsTheInverse) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    const NetworkPolicy policy = Generator(seed).policy();
    const std::string printed = print(policy);
    const auto again = parse(printed, "elsewhere");
    ASSERT_TRUE(again) << to_string(again.error()) << "\n" << printed;
    EXPECT_EQ(*again, policy) << printed;
    EXPECT_EQ(print(*again), printed);
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace egressproof::policy
