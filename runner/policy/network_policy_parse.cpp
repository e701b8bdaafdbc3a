#include <fmt/format.h>

#include <algorithm>

#include "runner/policy/network_policy.h"
#include "runner/policy/network_policy_reader.h"

namespace egressproof::policy {
namespace {

constexpr const char* lower_or_digit = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr const char* letter_or_digit = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool made_of(const std::string& text, const std::string& ends, const std::string& between) {
  return !text.empty() && text.find_first_not_of(ends + between) == std::string::npos &&
         ends.find(text.front()) != std::string::npos && ends.find(text.back()) != std::string::npos;
}

bool is_dns_label(const std::string& text) { return text.size() <= 63 && made_of(text, lower_or_digit, "-"); }

bool is_dns_subdomain(const std::string& text) {
  if (text.size() > 253) return false;
  for (std::size_t start = 0;;) {
    const std::size_t dot = text.find('.', start);
    if (!made_of(text.substr(start, dot == std::string::npos ? dot : dot - start), lower_or_digit, "-")) return false;
    if (dot == std::string::npos) return true;
    start = dot + 1;
  }
}

bool is_label_name(const std::string& text) { return text.size() <= 63 && made_of(text, letter_or_digit, "-_."); }

bool is_label_key(const std::string& key) {
  const std::size_t slash = key.find('/');
  return slash == std::string::npos ? is_label_name(key)
                                    : is_dns_subdomain(key.substr(0, slash)) && is_label_name(key.substr(slash + 1));
}

bool is_label_value(const std::string& value) { return value.empty() || is_label_name(value); }

// IANA_SVC_NAME, RFC 6335 section 5.1.
bool is_port_name(const std::string& name) {
  return name.size() <= 15 && made_of(name, lower_or_digit, "-") && name.find("--") == std::string::npos &&
         name.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos;
}

class Parser {
 public:
  NetworkPolicy manifest(const Field& root, const std::string& default_namespace) {
    NetworkPolicy policy;
    const auto top = reader_.mapping(root, {"apiVersion", "kind", "metadata", "spec"});
    constant(root, top.find("apiVersion"), "apiVersion", "networking.k8s.io/v1");
    constant(root, top.find("kind"), "kind", "NetworkPolicy");
    policy.ns = default_namespace;
    if (const auto field = top.find("metadata"))
      metadata(*field, policy);
    else
      reader_.missing(root, "metadata");
    spec(top.find("spec"), policy);
    return policy;
  }

  std::vector<Diagnostic> take_problems() { return reader_.take_problems(); }

 private:
  void constant(const Field& parent, const std::optional<Field>& field, const std::string& key,
                const std::string& only) {
    if (!field) return reader_.missing(parent, key);
    if (const auto text = reader_.text(*field); text && *text != only)
      reader_.complain(*field, fmt::format("'{}', must be '{}'", *text, only));
  }

  void metadata(const Field& field, NetworkPolicy& policy) {
    // Beside what people write: what `kubectl get -o yaml` adds.
    const auto keys =
        reader_.mapping(field, {"name", "namespace", "labels", "annotations", "uid", "resourceVersion", "generation",
                                "creationTimestamp", "managedFields", "finalizers", "ownerReferences", "selfLink"});
    if (const auto name = keys.find("name")) {
      if (const auto text = reader_.text(*name)) policy.name = *text;
      if (!is_dns_subdomain(policy.name)) reader_.complain(*name, "must be a DNS subdomain in lower case");
    } else {
      reader_.missing(field, "name");
    }
    if (const auto ns = keys.find("namespace"))
      if (const auto text = reader_.text(*ns)) {
        policy.ns = *text;
        if (!is_dns_label(*text)) reader_.complain(*ns, "must be a DNS label in lower case");
      }
    if (const auto labels = keys.find("labels")) label_map(*labels);
    if (const auto annotations = keys.find("annotations")) reader_.texts_by_key(*annotations);
  }

  void spec(const std::optional<Field>& field, NetworkPolicy& policy) {
    bool types_given = false;
    if (field) {
      const auto keys = reader_.mapping(*field, {"podSelector", "policyTypes", "ingress", "egress"});
      if (const auto selector = keys.find("podSelector")) policy.pod_selector = label_selector(*selector);
      if (const auto rules = keys.find("ingress")) policy.ingress_rules = rule_list(*rules, "from");
      if (const auto rules = keys.find("egress")) policy.egress_rules = rule_list(*rules, "to");
      if (const auto types = keys.find("policyTypes")) types_given = policy_types(*types, policy);
    }
    if (types_given) return;
    policy.ingress = true;
    policy.egress = !policy.egress_rules.empty();
  }

  // Whether there was any.
  bool policy_types(const Field& field, NetworkPolicy& policy) {
    const std::vector<Field> items = reader_.sequence(field);
    if (items.size() > 2) reader_.complain(field, "may not specify more than two policyTypes");
    for (const Field& item : items) {
      const auto text = reader_.text(item);
      if (text == "Ingress")
        policy.ingress = true;
      else if (text == "Egress")
        policy.egress = true;
      else if (text)
        reader_.complain(item, fmt::format("'{}', must be 'Ingress' or 'Egress'", *text));
    }
    return !items.empty();
  }

  Labels label_map(const Field& field) {
    Labels labels;
    for (const auto& [key, value] : reader_.texts_by_key(field)) {
      if (!is_label_key(key)) reader_.complain(field, fmt::format("'{}' is not a label key", key));
      if (!is_label_value(value)) reader_.complain(field, fmt::format("'{}' is not a label value", value));
      labels[key] = value;
    }
    return labels;
  }

  LabelSelector label_selector(const Field& field) {
    LabelSelector selector;
    const auto keys = reader_.mapping(field, {"matchLabels", "matchExpressions"});
    if (const auto labels = keys.find("matchLabels")) selector.match_labels = label_map(*labels);
    if (const auto expressions = keys.find("matchExpressions"))
      for (const Field& item : reader_.sequence(*expressions)) selector.match_expressions.push_back(requirement(item));
    return selector;
  }

  LabelSelectorRequirement requirement(const Field& field) {
    static const std::map<std::string, SelectorOperator> operators{{"In", SelectorOperator::in},
                                                                   {"NotIn", SelectorOperator::not_in},
                                                                   {"Exists", SelectorOperator::exists},
                                                                   {"DoesNotExist", SelectorOperator::does_not_exist}};
    LabelSelectorRequirement made;
    const auto keys = reader_.mapping(field, {"key", "operator", "values"});
    const auto key = required(field, keys, "key");
    if (key) made.key = *key;
    if (key && !is_label_key(*key)) reader_.complain(field, fmt::format("'{}' is not a label key", *key));
    if (const auto values = keys.find("values"))
      for (const Field& item : reader_.sequence(*values))
        if (const auto value = reader_.text(item)) {
          if (!is_label_value(*value)) reader_.complain(item, fmt::format("'{}' is not a label value", *value));
          made.values.push_back(*value);
        }
    const auto name = required(field, keys, "operator");
    if (!name) return made;
    const auto found = operators.find(*name);
    if (found == operators.end()) {
      reader_.complain(field, fmt::format("operator '{}', must be In, NotIn, Exists or DoesNotExist", *name));
      return made;
    }
    made.op = found->second;
    const bool takes_values = made.op == SelectorOperator::in || made.op == SelectorOperator::not_in;
    if (takes_values == made.values.empty())
      reader_.complain(field,
                       fmt::format("operator '{}' {}", *name, takes_values ? "needs values" : "takes no values"));
    return made;
  }

  std::optional<std::string> required(const Field& parent, const ManifestReader::Mapping& keys,
                                      const std::string& key) {
    if (const auto field = keys.find(key)) return reader_.text(*field);
    reader_.missing(parent, key);
    return std::nullopt;
  }

  std::vector<NetworkPolicyRule> rule_list(const Field& field, const std::string& peers_key) {
    std::vector<NetworkPolicyRule> rules;
    for (const Field& item : reader_.sequence(field)) {
      NetworkPolicyRule rule;
      const auto keys = reader_.mapping(item, {peers_key, "ports"});
      if (const auto peers = keys.find(peers_key))
        for (const Field& peer : reader_.sequence(*peers)) rule.peers.push_back(policy_peer(peer));
      if (const auto ports = keys.find("ports"))
        for (const Field& port : reader_.sequence(*ports)) rule.ports.push_back(policy_port(port));
      rules.push_back(std::move(rule));
    }
    return rules;
  }

  NetworkPolicyPeer policy_peer(const Field& field) {
    NetworkPolicyPeer peer;
    const auto keys = reader_.mapping(field, {"podSelector", "namespaceSelector", "ipBlock"});
    if (const auto selector = keys.find("podSelector")) peer.pod_selector = label_selector(*selector);
    if (const auto selector = keys.find("namespaceSelector")) peer.namespace_selector = label_selector(*selector);
    if (const auto block = keys.find("ipBlock")) peer.ip_block = ip_block(*block);
    if (!peer.pod_selector && !peer.namespace_selector && !peer.ip_block)
      reader_.complain(field, "must specify a peer");
    if (peer.ip_block && (peer.pod_selector || peer.namespace_selector))
      reader_.complain(field, "may not specify both ipBlock and another peer");
    return peer;
  }

  // Prefix of a CIDR block; a bare address is a problem.
  std::optional<Prefix> cidr(const Field& field) {
    const auto text = reader_.text(field);
    if (!text) return std::nullopt;
    auto prefix = text->find('/') == std::string::npos ? std::nullopt : parse_prefix(*text);
    if (!prefix) reader_.complain(field, fmt::format("'{}' is not a CIDR block", *text));
    return prefix;
  }

  IpBlock ip_block(const Field& field) {
    IpBlock block;
    const auto keys = reader_.mapping(field, {"cidr", "except"});
    std::optional<Prefix> outer;
    if (const auto given = keys.find("cidr"))
      outer = cidr(*given);
    else
      reader_.missing(field, "cidr");
    if (outer) block.cidr = to_string(*outer);
    if (const auto except = keys.find("except"))
      for (const Field& item : reader_.sequence(*except)) {
        const auto inner = cidr(item);
        if (!inner || !outer) continue;
        if (!contains(*outer, *inner) || outer->length == inner->length)
          reader_.complain(item, "must be a strict subset of cidr");
        block.except.push_back(to_string(*inner));
      }
    return block;
  }

  NetworkPolicyPort policy_port(const Field& field) {
    static const std::map<std::string, Protocol> protocols{
        {"TCP", Protocol::tcp}, {"UDP", Protocol::udp}, {"SCTP", Protocol::sctp}};
    NetworkPolicyPort made;
    const auto keys = reader_.mapping(field, {"protocol", "port", "endPort"});
    if (const auto protocol = keys.find("protocol"))
      if (const auto text = reader_.text(*protocol)) {
        const auto found = protocols.find(*text);
        if (found == protocols.end())
          reader_.complain(*protocol, fmt::format("'{}', must be TCP, UDP or SCTP", *text));
        else
          made.protocol = found->second;
      }
    const auto port = keys.find("port");
    if (port && ManifestReader::is_integer(*port)) {
      if (const auto number = reader_.port_number(*port)) made.port = *number;
    } else if (port) {
      if (const auto name = reader_.text(*port)) {
        if (!is_port_name(*name)) reader_.complain(*port, fmt::format("'{}' is not a port name", *name));
        made.port = *name;
      }
    }
    if (const auto end = keys.find("endPort")) {
      made.end_port = reader_.port_number(*end);
      if (!port || !ManifestReader::is_integer(*port)) reader_.complain(*end, "needs a numeric port");
      const auto* first = std::get_if<std::uint16_t>(&made.port);
      if (first != nullptr && made.end_port && *made.end_port < *first)
        reader_.complain(*end, "must be greater than or equal to port");
    }
    return made;
  }

  ManifestReader reader_;
};

}  // namespace

Result<NetworkPolicy> parse_network_policy(const scenario::PolicyObject& object, const std::string& default_namespace) {
  const scenario::ParsedYaml parsed = scenario::parse_yaml(object.at.file, object.yaml);
  std::vector<Diagnostic> problems = parsed.problems;
  int first_line = 1;  // of the object, in its own text
  NetworkPolicy policy;
  if (problems.empty() && parsed.documents.size() != 1) {
    problems.push_back({{object.at.file, first_line, 0}, "one document is expected", "", ""});
  } else if (problems.empty()) {
    const scenario::Node& root = parsed.documents.front().root;
    first_line = std::max(root.at.line, 1);
    Parser parser;
    policy = parser.manifest({&root, ""}, default_namespace);
    problems = parser.take_problems();
  }
  if (problems.empty()) return policy;
  std::string message;
  for (Diagnostic& problem : problems) {
    if (problem.at.line > 0) problem.at.line += std::max(object.at.line, 1) - first_line;
    message += fmt::format("{}{}: {}{}", message.empty() ? "" : "\n", to_string(problem.at), problem.message,
                           problem.hint.empty() ? "" : " (" + problem.hint + ")");
  }
  return fail(ErrorKind::scenario, std::move(message));
}

}  // namespace egressproof::policy
