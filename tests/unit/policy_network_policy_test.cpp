// What NetworkPolicy means, row by row, each with the sentence that says so.
//   docs: https://kubernetes.io/docs/concepts/services-networking/network-policies/
//   api:  https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
//   labels: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
//   e2e:  kubernetes/kubernetes test/e2e/network/netpol (the conformance tests of network plugins)
#include "runner/policy/network_policy.h"

#include <gtest/gtest.h>

namespace egressproof::policy {
namespace {

struct Row {
  const char* name;
  const char* reference;
  std::vector<std::string> specs;  // of policies in namespace red, or "blue: {...}"
  const char* source;              // "red/a", its IPv6 address as "red/a#6", or an address
  const char* destination;
  Protocol protocol;
  std::uint16_t port;
  bool allowed;
};

constexpr Protocol tcp = Protocol::tcp, udp = Protocol::udp, sctp = Protocol::sctp, icmp = Protocol::icmp;
constexpr const char* outside = "198.51.100.10";
constexpr const char* outside6 = "2001:db8:51::10";

Cluster cluster() {
  const auto pod = [](const char* ns, const char* name, Labels labels, int number, std::vector<ContainerPort> ports) {
    return Pod{ns,
               name,
               std::move(labels),
               {"203.0.113." + std::to_string(number), "2001:db8:113::" + std::to_string(number)},
               std::move(ports)};
  };
  return {
      {{"red", {{"team", "red"}, {"env", "prod"}}}, {"blue", {{"team", "blue"}, {"env", "prod"}}}, {"green", {}}},
      {pod("red", "a", {{"app", "a"}, {"tier", "web"}}, 10, {}),
       pod("red", "b", {{"app", "b"}, {"tier", "db"}}, 11, {{"http", tcp, 8080}, {"dns", udp, 5353}}),
       pod("red", "bare", {}, 12, {{"http", udp, 8080}}), pod("blue", "c", {{"app", "a"}}, 20, {{"http", tcp, 9090}}),
       pod("blue", "d", {{"app", "d"}}, 21, {}), pod("green", "e", {{"app", "a"}}, 30, {})}};
}

std::string address(const Cluster& all, const std::string& endpoint) {
  for (const Pod& pod : all.pods) {
    if (endpoint == pod.ns + "/" + pod.name) return pod.addresses[0];
    if (endpoint == pod.ns + "/" + pod.name + "#6") return pod.addresses[1];
  }
  EXPECT_TRUE(parse_prefix(endpoint)) << endpoint;
  return endpoint;
}

std::vector<NetworkPolicy> policies(const std::vector<std::string>& specs) {
  std::vector<NetworkPolicy> made;
  for (const std::string& spec : specs) {
    const bool other = !spec.starts_with("{");
    const std::string ns = other ? spec.substr(0, spec.find(':')) : "red";
    scenario::PolicyObject object;
    object.yaml = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p" +
                  std::to_string(made.size()) + "}\nspec: " + (other ? spec.substr(ns.size() + 2) : spec);
    auto policy = parse_network_policy(object, ns);
    EXPECT_TRUE(policy) << (policy ? "" : to_string(policy.error())) << "\n" << object.yaml;
    if (policy) made.push_back(std::move(*policy));
  }
  return made;
}

std::string egress(const std::string& rules, const std::string& selector = "{}") {
  return "{podSelector: " + selector + ", policyTypes: [Egress], egress: [" + rules + "]}";
}
std::string ingress(const std::string& rules, const std::string& selector = "{}") {
  return "{podSelector: " + selector + ", policyTypes: [Ingress], ingress: [" + rules + "]}";
}
std::string to_label(const std::string& expressions) {
  return egress("{to: [{podSelector: {matchExpressions: [" + expressions + "]}}]}");
}
const std::string only_b = "{matchLabels: {app: b}}";

// clang-format off
std::vector<Row> rows() { return {
  // Isolation
  {"no policy", "docs: By default, a pod is non-isolated for egress; all outbound connections are allowed.",
   {}, "red/a", outside, tcp, 80, true},
  {"no policy, ingress", "docs: By default, a pod is non-isolated for ingress; all inbound connections are allowed.",
   {}, outside, "red/a", tcp, 80, true},
  {"no pod at all", "api: NetworkPolicy describes what network traffic is allowed for a set of Pods.",
   {egress("")}, "203.0.113.1", outside, tcp, 80, true},
  {"deny egress", "docs: You can create a \"default\" egress isolation policy for a namespace by creating a NetworkPolicy that selects all pods but does not allow any egress traffic from those pods.",
   {egress("")}, "red/a", outside, tcp, 80, false},
  {"deny egress, UDP", "docs: When a deny all network policy is defined, it is only guaranteed to deny TCP, UDP and SCTP connections.",
   {egress("")}, "red/a", outside, udp, 53, false},
  {"deny egress, SCTP", "docs: When a deny all network policy is defined, it is only guaranteed to deny TCP, UDP and SCTP connections.",
   {egress("")}, "red/a", outside, sctp, 9, false},
  {"deny egress, IPv6", "docs: If you want to control traffic flow at the IP address or port level (OSI layer 3 or 4), NetworkPolicies allow you to specify rules ...",
   {egress("")}, "red/a#6", outside6, tcp, 80, false},
  {"deny egress leaves ingress", "docs: This policy does not change the ingress isolation behavior of any pod.",
   {egress("")}, "blue/c", "red/a", tcp, 80, true},
  {"deny ingress", "docs: You can create a \"default\" ingress isolation policy for a namespace by creating a NetworkPolicy that selects all pods but does not allow any ingress traffic to those pods.",
   {ingress("")}, "blue/c", "red/a", tcp, 80, false},
  {"deny ingress leaves egress", "docs: This policy does not affect isolation for egress from any pod.",
   {ingress("")}, "red/a", outside, tcp, 80, true},
  {"deny both, egress", "docs: This ensures that even pods that aren't selected by any other NetworkPolicy will not be allowed ingress or egress traffic.",
   {"{podSelector: {}, policyTypes: [Ingress, Egress]}"}, "red/a", outside, tcp, 80, false},
  {"deny both, ingress", "docs: This ensures that even pods that aren't selected by any other NetworkPolicy will not be allowed ingress or egress traffic.",
   {"{podSelector: {}, policyTypes: [Ingress, Egress]}"}, outside, "red/a", tcp, 80, false},
  {"a pod to itself", "docs: Other pods that are allowed (exception: a pod cannot block access to itself).",
   {"{podSelector: {}, policyTypes: [Ingress, Egress]}"}, "red/a", "red/a", tcp, 80, true},
  {"another namespace is not selected", "api: An empty selector matches all pods in the policy's namespace.",
   {egress("")}, "blue/c", outside, tcp, 80, true},
  {"same name of label, other namespace", "docs: Each NetworkPolicy includes a podSelector which selects the grouping of pods to which the policy applies. ... in the given namespace.",
   {egress("", "{matchLabels: {app: a}}")}, "blue/c", outside, tcp, 80, true},

  // policyTypes
  {"default types: ingress", "docs: If no policyTypes are specified on a NetworkPolicy then by default Ingress will always be set.",
   {"{podSelector: {}}"}, "blue/c", "red/a", tcp, 80, false},
  {"default types: no egress without rules", "docs: ... and Egress will be set if the NetworkPolicy has any egress rules.",
   {"{podSelector: {}}"}, "red/a", outside, tcp, 80, true},
  {"default types: an empty egress list is no rule", "api: if you want to write a policy that specifies that no egress is allowed, you must specify a policyTypes value that include \"Egress\".",
   {"{podSelector: {}, egress: []}"}, "red/a", outside, tcp, 80, true},
  {"default types: egress with rules", "api: policies that contain an egress section are assumed to affect egress.",
   {"{podSelector: {}, egress: [{ports: [{port: 443}]}]}"}, "red/a", outside, tcp, 80, false},
  {"default types: ingress comes with egress", "api: all policies (whether or not they contain an ingress section) are assumed to affect ingress.",
   {"{podSelector: {}, egress: [{}]}"}, "blue/c", "red/a", tcp, 80, false},
  {"empty policyTypes are absent ones", "api: If this field is not specified, it will default based on the existence of ingress or egress rules.",
   {"{podSelector: {}, policyTypes: []}"}, "blue/c", "red/a", tcp, 80, false},
  {"rules of another type than policyTypes", "docs: The policyTypes field indicates whether or not the given policy applies to ingress traffic to selected pod, egress traffic from selected pods, or both.",
   {"{podSelector: {}, policyTypes: [Ingress], egress: [{ports: [{port: 443}]}]}"}, "red/a", outside, tcp, 80, true},
  {"an egress rule grants no ingress", "docs: There are two sorts of isolation for a pod ... They are declared independently.",
   {"{podSelector: {}, policyTypes: [Ingress, Egress], egress: [{}]}"}, outside, "red/a", tcp, 80, false},

  // podSelector of the policy
  {"selected by label", "docs: The example policy selects pods with the label \"role=db\".",
   {egress("", "{matchLabels: {app: b}}")}, "red/b", outside, tcp, 80, false},
  {"not selected by label", "docs: The example policy selects pods with the label \"role=db\".",
   {egress("", "{matchLabels: {app: b}}")}, "red/a", outside, tcp, 80, true},
  {"all labels must match", "labels: matchLabels is a map of {key,value} pairs ... All of the requirements ... are ANDed together.",
   {egress("", "{matchLabels: {app: b, tier: web}}")}, "red/b", outside, tcp, 80, true},
  {"an absent podSelector is an empty one", "api: This field is optional. If it is not specified, it defaults to an empty selector.",
   {"{policyTypes: [Egress]}"}, "red/bare", outside, tcp, 80, false},
  {"labels and expressions", "labels: All of the requirements, from both matchLabels and matchExpressions are ANDed together.",
   {egress("", "{matchLabels: {app: a}, matchExpressions: [{key: tier, operator: In, values: [db]}]}")}, "red/a", outside, tcp, 80, true},

  // Additivity
  {"one policy of two allows", "docs: Network policies do not conflict; they are additive.",
   {egress(""), egress("{ports: [{port: 80}]}")}, "red/a", outside, tcp, 80, true},
  {"order means nothing", "docs: Thus, order of evaluation does not affect the policy result.",
   {egress("{ports: [{port: 80}]}"), egress("")}, "red/a", outside, tcp, 80, true},
  {"the union is no more", "docs: ... the connections allowed in that direction from that pod is the union of what the applicable policies allow.",
   {egress("{ports: [{port: 80}]}"), egress("{ports: [{port: 443}]}")}, "red/a", outside, tcp, 8080, false},
  {"an allow-all undoes deny-all", "docs: With this policy in place, no additional policy or policies can cause any outgoing connection from those pods to be denied.",
   {egress(""), egress("{}")}, "red/a", outside, tcp, 80, true},
  {"a policy for others does not help", "docs: ... any NetworkPolicy in its namespace that applies to the pod for egress.",
   {egress(""), egress("{}", only_b)}, "red/a", outside, tcp, 80, false},
  {"rules of one policy add up", "api: ... OR if the traffic matches at least one egress rule across all of the NetworkPolicy objects.",
   {egress("{ports: [{port: 443}]}, {to: [{ipBlock: {cidr: 198.51.100.0/24}}]}")}, "red/a", outside, tcp, 80, true},
  {"both ends must allow: source denies", "docs: For a connection from a source pod to a destination pod to be allowed, both the egress policy on the source pod and the ingress policy on the destination pod need to allow the connection.",
   {egress("", "{matchLabels: {app: a}}"), ingress("{}", only_b)}, "red/a", "red/b", tcp, 80, false},
  {"both ends must allow: destination denies", "docs: If either side does not allow the connection, it will not happen.",
   {egress("{}", "{matchLabels: {app: a}}"), ingress("", only_b)}, "red/a", "red/b", tcp, 80, false},
  {"both ends allow", "docs: ... both the egress policy on the source pod and the ingress policy on the destination pod need to allow the connection.",
   {egress("{}", "{matchLabels: {app: a}}"), ingress("{}", only_b)}, "red/a", "red/b", tcp, 80, true},
  {"policies of two namespaces", "docs: ... both the egress policy on the source pod and the ingress policy on the destination pod ...",
   {egress("{}"), "blue: " + ingress("")}, "red/a", "blue/c", tcp, 80, false},

  // Peers
  {"a rule without peers", "api: If this field is empty or missing, this rule matches all destinations.",
   {egress("{ports: [{port: 80}]}")}, "red/a", "blue/c", tcp, 80, true},
  {"an empty list of peers", "api: If this field is empty or missing, this rule matches all destinations (traffic not restricted by destination).",
   {egress("{to: []}")}, "red/a", outside, tcp, 80, true},
  {"an empty rule", "docs: If you want to allow all connections from all pods in a namespace ... egress: [{}].",
   {egress("{}")}, "red/a", outside6, udp, 53, true},
  {"podSelector: own namespace", "docs: This selects particular Pods in the same namespace as the NetworkPolicy.",
   {egress("{to: [{podSelector: {matchLabels: {app: b}}}]}")}, "red/a", "red/b", tcp, 80, true},
  {"podSelector: no other namespace", "docs: This selects particular Pods in the same namespace as the NetworkPolicy.",
   {egress("{to: [{podSelector: {matchLabels: {app: d}}}]}")}, "red/a", "blue/d", tcp, 80, false},
  {"podSelector {}: all of the namespace", "api: if present but empty, it selects all pods.",
   {egress("{to: [{podSelector: {}}]}")}, "red/a", "red/bare", tcp, 80, true},
  {"podSelector {}: no other namespace", "api: Otherwise it selects the pods matching podSelector in the policy's own namespace.",
   {egress("{to: [{podSelector: {}}]}")}, "red/a", "green/e", tcp, 80, false},
  {"podSelector {}: nothing outside", "api: podSelector is a label selector which selects pods.",
   {egress("{to: [{podSelector: {}}]}")}, "red/a", outside, tcp, 80, false},
  {"namespaceSelector", "docs: This selects particular namespaces for which all Pods should be allowed as ingress sources or egress destinations.",
   {egress("{to: [{namespaceSelector: {matchLabels: {team: blue}}}]}")}, "red/a", "blue/d", tcp, 80, true},
  {"namespaceSelector: not the own one unless it matches", "api: Otherwise it selects all pods in the namespaces selected by namespaceSelector.",
   {egress("{to: [{namespaceSelector: {matchLabels: {team: blue}}}]}")}, "red/a", "red/b", tcp, 80, false},
  {"namespaceSelector {}: other namespaces", "api: if present but empty, it selects all namespaces.",
   {egress("{to: [{namespaceSelector: {}}]}")}, "red/a", "green/e", tcp, 80, true},
  {"namespaceSelector {}: the own one too", "api: if present but empty, it selects all namespaces.",
   {egress("{to: [{namespaceSelector: {}}]}")}, "red/a", "red/b", tcp, 80, true},
  {"namespaceSelector {}: nothing outside", "api: namespaceSelector selects namespaces using cluster-scoped labels.",
   {egress("{to: [{namespaceSelector: {}}]}")}, "red/a", outside, tcp, 80, false},
  {"namespace by name", "docs: The Kubernetes control plane sets an immutable label kubernetes.io/metadata.name on all namespaces, the value of the label is the namespace name.",
   {egress("{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: green}}}]}")}, "red/a", "green/e", tcp, 80, true},
  {"both selectors: pod of the namespace", "docs: A single to/from entry that specifies both namespaceSelector and podSelector selects particular Pods within particular namespaces.",
   {egress("{to: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: a}}}]}")}, "red/a", "blue/c", tcp, 80, true},
  {"both selectors: other pod of the namespace", "docs: ... contains a single from element allowing connections from Pods with the label role=client in namespaces with the label user=alice.",
   {egress("{to: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: a}}}]}")}, "red/a", "blue/d", tcp, 80, false},
  {"both selectors: such a pod elsewhere", "docs: ... contains a single from element allowing connections from Pods with the label role=client in namespaces with the label user=alice.",
   {egress("{to: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: a}}}]}")}, "red/a", "green/e", tcp, 80, false},
  {"two entries are two ways", "docs: But this policy contains two elements in the from array, and allows connections from Pods in the local Namespace with the label role=client, or from any Pod in any namespace with the label user=alice.",
   {egress("{to: [{namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: b}}}]}")}, "red/a", "blue/d", tcp, 80, true},
  {"peers of ingress", "docs: allows connections to all pods in the default namespace with the label role=db ... from any pod in a namespace with the label project=myproject.",
   {ingress("{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}")}, "blue/c", "red/a", tcp, 80, true},
  {"peers of ingress: another source", "docs: each rule allows traffic which matches both the from and ports sections.",
   {ingress("{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}")}, "green/e", "red/a", tcp, 80, false},
  {"selectors select both families", "api: podSelector ... selects pods.",
   {egress("{to: [{podSelector: {matchLabels: {app: b}}}]}")}, "red/a#6", "red/b#6", tcp, 80, true},

  // Label expressions
  {"In", "labels: environment in (production, qa) selects all resources with key equal to environment and value equal to production or qa.",
   {to_label("{key: app, operator: In, values: [w, b]}")}, "red/a", "red/b", tcp, 80, true},
  {"In: another value", "labels: environment in (production, qa) ...",
   {to_label("{key: app, operator: In, values: [w, x]}")}, "red/a", "red/b", tcp, 80, false},
  {"NotIn", "labels: tier notin (frontend, backend) selects all resources with key equal to tier and values other than frontend and backend ...",
   {to_label("{key: app, operator: NotIn, values: [a]}")}, "red/a", "red/b", tcp, 80, true},
  {"NotIn: a listed value", "labels: tier notin (frontend, backend) ... values other than frontend and backend.",
   {to_label("{key: app, operator: NotIn, values: [b]}")}, "red/a", "red/b", tcp, 80, false},
  {"NotIn: without the key", "labels: ... and all resources with no labels with the tier key.",
   {to_label("{key: app, operator: NotIn, values: [b]}")}, "red/a", "red/bare", tcp, 80, true},
  {"Exists", "labels: partition selects all resources including a label with key partition; no values are checked.",
   {to_label("{key: app, operator: Exists}")}, "red/a", "red/b", tcp, 80, true},
  {"Exists: without the key", "labels: partition selects all resources including a label with key partition; no values are checked.",
   {to_label("{key: app, operator: Exists}")}, "red/a", "red/bare", tcp, 80, false},
  {"DoesNotExist", "labels: !partition selects all resources without a label with key partition; no values are checked.",
   {to_label("{key: app, operator: DoesNotExist}")}, "red/a", "red/bare", tcp, 80, true},
  {"two expressions", "labels: ... they must all be satisfied in order to match.",
   {to_label("{key: app, operator: Exists}, {key: tier, operator: NotIn, values: [db]}")}, "red/a", "red/b", tcp, 80, false},

  // ipBlock
  {"ipBlock", "docs: This selects particular IP CIDR ranges to allow as ingress sources or egress destinations.",
   {egress("{to: [{ipBlock: {cidr: 198.51.100.0/24}}]}")}, "red/a", outside, tcp, 80, true},
  {"ipBlock: outside of it", "docs: This selects particular IP CIDR ranges ...",
   {egress("{to: [{ipBlock: {cidr: 198.51.100.16/28}}]}")}, "red/a", outside, tcp, 80, false},
  {"ipBlock: except", "api: except is a slice of CIDRs that should not be included within an IPBlock.",
   {egress("{to: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.8/29]}}]}")}, "red/a", outside, tcp, 80, false},
  {"ipBlock: beside the exception", "docs: IP addresses in the ranges 172.17.0.0-172.17.0.255 and 172.17.2.0-172.17.255.255 (that is, all of 172.17.0.0/16 except 172.17.1.0/24).",
   {egress("{to: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.16/28]}}]}")}, "red/a", outside, tcp, 80, true},
  {"ipBlock: another rule's block lifts an exception", "e2e: should ensure an IP overlapping both IPBlock.CIDR and IPBlock.Except is allowed.",
   {egress("{to: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.10/32]}}, {ipBlock: {cidr: 198.51.100.10/32}}]}")}, "red/a", outside, tcp, 80, true},
  {"ipBlock: IPv4 says nothing of IPv6", "api: Valid examples are \"192.168.1.0/24\" or \"2001:db8::/64\".",
   {egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}")}, "red/a#6", outside6, tcp, 80, false},
  {"ipBlock: IPv6", "api: Valid examples are \"192.168.1.0/24\" or \"2001:db8::/64\".",
   {egress("{to: [{ipBlock: {cidr: \"2001:db8:51::/64\"}}]}")}, "red/a#6", outside6, tcp, 80, true},
  {"ipBlock: IPv6 except", "api: except is a slice of CIDRs that should not be included within an IPBlock.",
   {egress("{to: [{ipBlock: {cidr: \"::/0\", except: [\"2001:db8:51::/64\"]}}]}")}, "red/a#6", outside6, tcp, 80, false},
  {"ipBlock: pods have addresses too", "e2e: should allow egress access to server in CIDR block (the server is a pod).",
   {egress("{to: [{ipBlock: {cidr: 203.0.113.11/32}}]}")}, "red/a", "red/b", tcp, 80, true},
  {"ipBlock: ingress", "docs: This selects particular IP CIDR ranges to allow as ingress sources ...",
   {ingress("{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}")}, outside, "red/a", tcp, 80, true},
  {"ipBlock: host bits do not count", "api (up to v1.21): Valid examples are \"192.168.1.1/24\" ...",
   {egress("{to: [{ipBlock: {cidr: 198.51.100.77/24}}]}")}, "red/a", outside, tcp, 80, true},

  // Ports
  {"a port", "api: If present, only traffic on the specified protocol AND port will be matched.",
   {egress("{ports: [{protocol: TCP, port: 443}]}")}, "red/a", outside, tcp, 443, true},
  {"another port", "api: If present, only traffic on the specified protocol AND port will be matched.",
   {egress("{ports: [{protocol: TCP, port: 443}]}")}, "red/a", outside, tcp, 444, false},
  {"protocol defaults to TCP", "api: If not specified, this field defaults to TCP.",
   {egress("{ports: [{port: 443}]}")}, "red/a", outside, tcp, 443, true},
  {"protocol defaults to TCP: no UDP", "api: If not specified, this field defaults to TCP.",
   {egress("{ports: [{port: 443}]}")}, "red/a", outside, udp, 443, false},
  {"UDP", "api: protocol represents the protocol (TCP, UDP, or SCTP) which traffic must match.",
   {egress("{ports: [{protocol: UDP, port: 53}]}")}, "red/a", outside, udp, 53, true},
  {"SCTP", "api: protocol represents the protocol (TCP, UDP, or SCTP) which traffic must match.",
   {egress("{ports: [{protocol: SCTP, port: 9}]}")}, "red/a", outside, sctp, 9, true},
  {"a protocol without port", "api: If this field is not provided, this matches all port names and numbers.",
   {egress("{ports: [{protocol: UDP}]}")}, "red/a", outside, udp, 12345, true},
  {"a protocol without port: another protocol", "api: If this field is not provided, this matches all port names and numbers.",
   {egress("{ports: [{protocol: UDP}]}")}, "red/a", outside, tcp, 12345, false},
  {"an empty port entry is all of TCP", "api: If not specified, this field defaults to TCP.",
   {egress("{ports: [{}]}")}, "red/a", outside, udp, 80, false},
  {"no ports", "api: If this field is empty or missing, this rule matches all ports (traffic not restricted by port).",
   {egress("{ports: [], to: [{ipBlock: {cidr: 198.51.100.0/24}}]}")}, "red/a", outside, sctp, 7, true},
  {"ports and peers", "docs: Each rule allows traffic which matches both the to and ports sections.",
   {egress("{ports: [{port: 443}], to: [{ipBlock: {cidr: 198.51.100.0/24}}]}")}, "red/a", outside, tcp, 80, false},
  {"ports of one rule, peers of another", "docs: Each rule allows traffic which matches both the to and ports sections.",
   {egress("{ports: [{port: 80}], to: [{podSelector: {}}]}, {ports: [{port: 443}], to: [{ipBlock: {cidr: 198.51.100.0/24}}]}")}, "red/a", outside, tcp, 80, false},
  {"endPort: first", "api: endPort indicates that the range of ports from port to endPort if set, inclusive, should be allowed by the policy.",
   {egress("{ports: [{port: 8000, endPort: 8010}]}")}, "red/a", outside, tcp, 8000, true},
  {"endPort: last", "api: ... from port to endPort if set, inclusive ...",
   {egress("{ports: [{port: 8000, endPort: 8010}]}")}, "red/a", outside, tcp, 8010, true},
  {"endPort: beyond", "api: ... from port to endPort if set, inclusive ...",
   {egress("{ports: [{port: 8000, endPort: 8010}]}")}, "red/a", outside, tcp, 8011, false},
  {"named port, ingress", "api: This can either be a numerical or named port on a pod.",
   {ingress("{ports: [{port: http}]}")}, "red/a", "red/b", tcp, 8080, true},
  {"named port, ingress: another number", "api: This can either be a numerical or named port on a pod.",
   {ingress("{ports: [{port: http}]}")}, "red/a", "red/b", tcp, 9090, false},
  {"named port, egress: the destination's number", "e2e: should allow egress access on one named port.",
   {egress("{ports: [{port: http}]}")}, "red/a", "blue/c", tcp, 9090, true},
  {"named port, egress: not another pod's number", "api: This can either be a numerical or named port on a pod.",
   {egress("{ports: [{port: http}]}")}, "red/a", "blue/c", tcp, 8080, false},
  {"named port of another protocol", "api: only traffic on the specified protocol AND port will be matched.",
   {egress("{ports: [{port: http}]}")}, "red/a", "red/bare", tcp, 8080, false},
  {"named port, UDP", "api: only traffic on the specified protocol AND port will be matched.",
   {egress("{ports: [{protocol: UDP, port: dns}]}")}, "red/a", "red/b", udp, 5353, true},
  {"named port that the pod lacks", "api: This can either be a numerical or named port on a pod.",
   {ingress("{ports: [{port: http}]}")}, "red/b", "red/a", tcp, 8080, false},
  {"named port outside of the cluster", "api: This can either be a numerical or named port on a pod.",
   {egress("{ports: [{port: http}]}")}, "red/a", outside, tcp, 8080, false},

  // What has no port (undefined in Kubernetes: "For other protocols, such as ARP or ICMP, the behaviour is undefined")
  {"ICMP: denied by deny-all", "here: what a policy cannot name is treated as the rest of the traffic.",
   {egress("")}, "red/a", outside, icmp, 0, false},
  {"ICMP: allowed by a rule without ports", "here: such a rule says all traffic.",
   {egress("{}")}, "red/a", outside, icmp, 0, true},
  {"ICMP: not by a rule with ports", "here: ports name TCP, UDP or SCTP.",
   {egress("{ports: [{protocol: TCP}, {protocol: UDP}, {protocol: SCTP}]}")}, "red/a", outside, icmp, 0, false},
}; }
// clang-format on

TEST(NetworkPolicyTest, MeansWhatTheReferencesSay) {
  const Cluster all = cluster();
  const std::vector<Row> table = rows();
  EXPECT_GE(table.size(), 60U);
  for (const Row& row : table) {
    SCOPED_TRACE(std::string(row.name) + "\n" + row.reference);
    const auto given = policies(row.specs);
    Packet packet{Direction::original, address(all, row.source), address(all, row.destination), row.protocol, row.port};
    EXPECT_EQ(allowed(given, all, packet), row.allowed);
    // docs: "Reply traffic for those allowed connections will also be implicitly allowed."
    packet.direction = Direction::reply;
    EXPECT_EQ(allowed(given, all, packet), row.allowed) << "reply";
  }
}

TEST(NetworkPolicyTest, TellsWhichEndDenies) {
  const Cluster all = cluster();
  const auto given = policies({egress("", "{matchLabels: {app: a}}"), ingress("{}", only_b)});
  const Packet packet{Direction::original, address(all, "red/a"), address(all, "red/b"), tcp, 80};
  EXPECT_FALSE(allowed_by(PolicyType::egress, given, all, packet));
  EXPECT_TRUE(allowed_by(PolicyType::ingress, given, all, packet));
}

TEST(NetworkPolicyTest, AddressesAreComparedAsAddresses) {
  Cluster all = cluster();
  all.pods[0].addresses = {"2001:DB8:113:0:0::10"};
  const Packet packet{Direction::original, "2001:db8:113::10", outside6, tcp, 80};
  EXPECT_FALSE(allowed(policies({egress("")}), all, packet));
}

TEST(NetworkPolicyTest, PrefixesOfBothFamilies) {
  const auto within = [](const char* outer, const char* inner) {
    return contains(parse_prefix(outer).value(), parse_prefix(inner).value());
  };
  EXPECT_TRUE(within("10.0.0.0/9", "10.127.255.255"));
  EXPECT_FALSE(within("10.0.0.0/9", "10.128.0.0"));
  EXPECT_TRUE(within("0.0.0.0/0", "255.255.255.255"));
  EXPECT_FALSE(within("0.0.0.0/0", "::"));
  EXPECT_FALSE(within("10.0.0.0/24", "10.0.0.0/16"));
  EXPECT_TRUE(within("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(within("2001:db8::/33", "2001:db8:8000::"));
  EXPECT_EQ(to_string(parse_prefix("10.1.2.3/12").value()), "10.0.0.0/12");
  EXPECT_EQ(to_string(parse_prefix("2001:db8:ffff::1/33").value()), "2001:db8:8000::/33");
  for (const char* wrong : {"", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0/8", "010.0.0.0/8", "::/129", "::/",
                            "10.0.0.0/8x", "::ffff:10.0.0.1", "10.0.0.0 /8"})
    EXPECT_FALSE(parse_prefix(wrong)) << wrong;
}

}  // namespace
}  // namespace egressproof::policy
