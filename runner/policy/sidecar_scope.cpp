#include "runner/policy/sidecar_scope.h"

#include <algorithm>

#include "runner/scenario/yaml_tree.h"

namespace egressproof::policy {
namespace {

using scenario::Node;

bool covers_own_namespace(const Node& hosts) {
  return std::any_of(hosts.items.begin(), hosts.items.end(),
                     [](const Node& host) { return host.text == "./*" || host.text == "*/*"; });
}

// As text, like the namespace: an emitter would lose quotes. `first`: of the list's items.
void put_before(std::string& yaml, const Node& first) {
  const std::string quoted = std::string("\"") + harness_hosts + "\"";
  if (first.text == "~/*") {  // nothing; Istio does not take it beside anything else
    const std::size_t quotes = yaml[first.offset] == '"' || yaml[first.offset] == '\'' ? 2 : 0;
    yaml.replace(first.offset, first.text.size() + quotes, quoted);
    return;
  }
  const std::size_t before = yaml.find_last_not_of(" \t", first.offset - 1);
  if (yaml[before] != '-') {  // in brackets
    yaml.insert(first.offset, quoted + ", ");
    return;
  }
  const std::size_t line = yaml.rfind('\n', before) + 1;  // npos + 1 is 0
  yaml.insert(first.offset, quoted + "\n" + std::string(before - line, ' ') + "- ");
}

}  // namespace

Result<std::string> with_harness_hosts(const scenario::PolicyObject& object) {
  if (object.kind != "Sidecar" || !object.api_version.starts_with("networking.istio.io/")) return object.yaml;
  const scenario::ParsedYaml parsed = scenario::parse_yaml(object.at.file, object.yaml);
  if (!parsed.problems.empty() || parsed.documents.size() != 1) return object.yaml;  // told where it is read
  const Node* spec = scenario::find(parsed.documents.front().root, "spec");
  const Node* egress = spec == nullptr ? nullptr : scenario::find(*spec, "egress");
  if (egress == nullptr || egress->items.empty()) return object.yaml;
  const auto catch_all = std::find_if(egress->items.begin(), egress->items.end(),
                                      [](const Node& one) { return scenario::find(one, "port") == nullptr; });
  const std::string whose = to_string(object.at) + ": Sidecar '" + object.name + "' ";
  if (catch_all == egress->items.end())
    return fail(ErrorKind::scenario,
                whose +
                    "has no egress listener without a port, so the run's canaries cannot show when it is in force; "
                    "add one with hosts: [\"~/*\"], which opens nothing");
  const Node* hosts = scenario::find(*catch_all, "hosts");
  if (hosts == nullptr || hosts->items.empty() || hosts->items.front().kind != Node::Kind::scalar)
    return fail(ErrorKind::scenario, whose + "has an egress listener without a list of hosts");
  if (covers_own_namespace(*hosts)) return object.yaml;
  std::string yaml = parsed.text;
  put_before(yaml, hosts->items.front());
  return yaml;
}

}  // namespace egressproof::policy
