#include "runner/draft/objects.h"

#include <algorithm>

#include "base/nearest.h"
#include "runner/scenario/scalars.h"

namespace egressproof::draft {
namespace {

using scenario::Node;

const std::vector<std::string> protocols{"HTTP", "HTTP2", "GRPC",  "GRPC-WEB", "HTTPS", "TLS",
                                         "TCP",  "MONGO", "MYSQL", "REDIS",    "UDP"};
const std::vector<std::string> resolutions{"NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string hint_for(const std::string& word, const std::vector<std::string>& known) {
  const auto close = nearest(word, known);
  return close ? "did you mean '" + *close + "'?" : "";
}

Wire wire_of(const std::string& protocol) {
  if (protocol == "HTTP" || protocol == "HTTP2" || protocol == "GRPC" || protocol == "GRPC-WEB") return Wire::http;
  return protocol == "HTTPS" || protocol == "TLS" ? Wire::tls : Wire::tcp;
}

// Hosts of the cluster are no egress.
bool in_cluster(const std::string& host) {
  return host.find('.') == std::string::npos || host.ends_with(".svc") || host.ends_with(".svc.cluster.local") ||
         host.ends_with(".cluster.local");
}

std::string count_of(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::optional<Port> read_port(Model& model, const Node& node) {
  check_keys(model, &node, "a port", {"number", "name", "protocol", "targetPort"});
  Port port;
  port.at = node.at;
  const auto number = scenario::parse_number(text_at(node, {"number"}), 65535);
  if (!number || *number == 0) {
    model.problems.push_back({node.at, "a port needs 'number' from 1 to 65535", "", ""});
    return std::nullopt;
  }
  port.number = static_cast<std::uint16_t>(*number);
  const std::string target = text_at(node, {"targetPort"});
  port.target = static_cast<std::uint16_t>(scenario::parse_number(target, 65535).value_or(*number));
  const Node* protocol = scenario::find(node, "protocol");
  const std::string said = protocol == nullptr ? "TCP" : upper(protocol->text);
  if (std::find(protocols.begin(), protocols.end(), said) == protocols.end())
    model.problems.push_back(
        {protocol->at, "unknown protocol '" + protocol->text + "'", hint_for(said, protocols), ""});
  if (said == "UDP") {
    model.asides.push_back({node.at, "port " + std::to_string(port.number), "UDP is not captured by a sidecar"});
    return std::nullopt;
  }
  port.wire = wire_of(said);
  return port;
}

}  // namespace

void check_keys(Model& model, const Node* map, const std::string& what, const std::vector<std::string>& known) {
  if (map == nullptr) return;
  for (const scenario::Entry& entry : map->entries)
    if (std::find(known.begin(), known.end(), entry.key.text) == known.end())
      model.problems.push_back(
          {entry.key.at, "unknown key '" + entry.key.text + "' in " + what, hint_for(entry.key.text, known), ""});
}

std::vector<const Node*> texts_at(Model& model, const Node& node, const std::vector<std::string>& keys) {
  std::vector<const Node*> texts;
  const Node* list = node_at(node, keys);
  if (list == nullptr || list->kind == Node::Kind::null) return texts;
  if (list->kind != Node::Kind::sequence)
    model.problems.push_back({list->at, "'" + keys.back() + "' must be a list", "", ""});
  for (const Node& item : list->items) {
    if (item.kind == Node::Kind::scalar)
      texts.push_back(&item);
    else
      model.problems.push_back({item.at, "'" + keys.back() + "' must be a list of texts", "", ""});
  }
  return texts;
}

bool says_registry_only(const Node& spec) {
  const Node* policy = scenario::find(spec, "outboundTrafficPolicy");
  if (policy == nullptr || policy->kind != Node::Kind::map) return false;
  const std::string mode = text_at(*policy, {"mode"});
  // REGISTRY_ONLY is the enumeration's zero, so a policy without mode means it.
  return mode.empty() || mode == "REGISTRY_ONLY";
}

std::string read_service_entry(Model& model, const Manifest& manifest, const std::string& ns) {
  const Node* spec = scenario::find(manifest.root, "spec");
  if (spec == nullptr || spec->kind != Node::Kind::map) {
    model.problems.push_back({manifest.object.at, "this ServiceEntry has no 'spec'", "", ""});
    return "ServiceEntry without spec";
  }
  check_keys(model, spec, "a ServiceEntry's spec",
             {"hosts", "addresses", "ports", "location", "resolution", "endpoints", "exportTo", "subjectAltNames",
              "workloadSelector"});
  Listing listing;
  listing.ns = ns;
  listing.object = manifest.object.name;
  const Node* resolution = scenario::find(*spec, "resolution");
  listing.resolution = resolution == nullptr ? "NONE" : upper(resolution->text);
  listing.resolution_at = resolution == nullptr ? spec->at : resolution->at;
  if (std::find(resolutions.begin(), resolutions.end(), listing.resolution) == resolutions.end())
    model.problems.push_back({resolution->at, "unknown resolution '" + resolution->text + "'",
                              hint_for(listing.resolution, resolutions), ""});
  if (const Node* ports = scenario::find(*spec, "ports"))
    for (const Node& port : ports->items)
      if (auto read = read_port(model, port)) listing.ports.push_back(*read);
  for (const Node* one : texts_at(model, *spec, {"addresses"})) listing.addresses.push_back(one->text);
  for (const Node* one : texts_at(model, *spec, {"exportTo"}))
    listing.export_to.insert(one->text == "." ? ns : one->text);
  listing.exported_by_default = listing.export_to.empty();
  if (const Node* endpoints = scenario::find(*spec, "endpoints"))
    for (const Node& endpoint : endpoints->items) listing.endpoints.push_back(text_at(endpoint, {"address"}));
  std::size_t outside = 0;
  const auto hosts = texts_at(model, *spec, {"hosts"});
  if (hosts.empty()) model.problems.push_back({spec->at, "a ServiceEntry needs 'hosts'", "", ""});
  for (const Node* host : hosts) {
    listing.host = scenario::folded_name(host->text);
    listing.at = host->at;
    if (!scenario::is_dns_name(listing.host, true)) {
      if (listing.host.find('*') != std::string::npos)
        model.asides.push_back({host->at, "host '" + host->text + "'",
                                "only a whole first label can be a wildcard here: write cases for it by hand", true});
      else
        model.problems.push_back({host->at, "'" + host->text + "' is not a DNS name", "", ""});
    } else if (listing.wildcard() && listing.suffix().find('.') == std::string::npos && listing.suffix() != "local") {
      model.asides.push_back(
          {host->at, "host '" + host->text + "'", "a whole top-level domain: write cases for it by hand", true});
    } else if (in_cluster(listing.suffix())) {
      model.asides.push_back({host->at, "host '" + host->text + "'", "a name of the cluster, no egress"});
    } else {
      model.listings.push_back(listing);
      ++outside;
    }
  }
  return "ServiceEntry " + manifest.object.name + ": lists " + count_of(outside, "host") + ", " +
         count_of(listing.ports.size(), "port") + ", resolution " + listing.resolution;
}

std::string read_sidecar(Model& model, const Manifest& manifest) {
  const Node* spec = scenario::find(manifest.root, "spec");
  check_keys(model, spec, "a Sidecar's spec",
             {"workloadSelector", "ingress", "egress", "inboundConnectionPool", "outboundTrafficPolicy"});
  if (spec == nullptr) return "Sidecar " + manifest.object.name + ": says nothing";
  if (const Node* policy = scenario::find(*spec, "outboundTrafficPolicy")) {
    check_keys(model, policy, "outboundTrafficPolicy", {"mode", "egressProxy"});
    const std::string mode = text_at(*policy, {"mode"});
    const std::vector<std::string> modes{"REGISTRY_ONLY", "ALLOW_ANY"};
    if (!mode.empty() && std::find(modes.begin(), modes.end(), mode) == modes.end())
      model.problems.push_back(
          {scenario::find(*policy, "mode")->at, "unknown mode '" + mode + "'", hint_for(mode, modes), ""});
  }
  return "Sidecar " + manifest.object.name + ": " +
         (says_registry_only(*spec) ? "REGISTRY_ONLY" : "does not say REGISTRY_ONLY");
}

std::string read_gateway(Model& model, const Manifest& manifest) {
  const Node* spec = scenario::find(manifest.root, "spec");
  check_keys(model, spec, "a Gateway's spec", {"servers", "selector"});
  std::string modes;
  if (spec != nullptr)
    if (const Node* servers = scenario::find(*spec, "servers"))
      for (const Node& server : servers->items) {
        check_keys(model, &server, "a server", {"port", "bind", "hosts", "tls", "defaultEndpoint", "name"});
        const std::string mode = text_at(server, {"tls", "mode"});
        modes += (modes.empty() ? "" : ", ") + text_at(server, {"port", "number"}) + (mode.empty() ? "" : " " + mode);
      }
  return "Gateway " + manifest.object.name + ": " + (modes.empty() ? "no servers" : modes);
}

std::string read_virtual_service(Model& model, const Manifest& manifest, const std::string&) {
  const Node* spec = scenario::find(manifest.root, "spec");
  if (spec == nullptr) return "VirtualService without spec";
  check_keys(model, spec, "a VirtualService's spec", {"hosts", "gateways", "http", "tls", "tcp", "exportTo"});
  const std::string marker = ".svc.cluster.local";
  std::size_t led = 0;
  const std::pair<const char*, Wire> kinds[] = {{"http", Wire::http}, {"tls", Wire::tls}, {"tcp", Wire::tcp}};
  for (const auto& [kind, wire] : kinds) {
    const Node* rules = scenario::find(*spec, kind);
    if (rules == nullptr) continue;
    std::string gateway_ns;
    std::string to;
    for (const Node& rule : rules->items)
      if (const Node* route = scenario::find(rule, "route"))
        for (const Node& one : route->items) {
          const std::string host = scenario::folded_name(text_at(one, {"destination", "host"}));
          if (host.ends_with(marker)) {
            const std::string service = host.substr(0, host.size() - marker.size());
            if (const std::size_t dot = service.find('.'); dot != std::string::npos)
              gateway_ns = service.substr(dot + 1);
          } else if (host.find('.') != std::string::npos) {
            to = host;
          }
        }
    if (gateway_ns.empty()) continue;
    for (const Node* host : texts_at(model, *spec, {"hosts"})) {
      ++led;
      model.routes.push_back({scenario::folded_name(host->text), wire, gateway_ns, to, host->at});
    }
  }
  return "VirtualService " + manifest.object.name +
         (led == 0 ? ": leads nothing to a gateway" : ": leads " + count_of(led, "host") + " to an egress gateway");
}

}  // namespace egressproof::draft
