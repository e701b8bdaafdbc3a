#include "runner/backend/fake/mesh_model.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <tuple>

#include "runner/policy/network_policy.h"

namespace egressproof::backend::fake {
namespace {

std::vector<std::string> texts(const YAML::Node& list) {
  std::vector<std::string> all;
  for (const auto& one : list) all.push_back(one.as<std::string>());
  return all;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

PortKind kind_of(const std::string& protocol) {
  const std::string name = upper(protocol);
  if (name == "HTTP" || name == "HTTP2" || name == "GRPC") return PortKind::http;
  if (name == "TLS" || name == "HTTPS") return PortKind::tls;
  return PortKind::tcp;
}

Resolution resolution_of(const std::string& text) {
  if (text == "STATIC") return Resolution::static_endpoints;
  if (text == "DNS" || text == "DNS_ROUND_ROBIN") return Resolution::dns;
  if (text == "DYNAMIC_DNS") return Resolution::dynamic_dns;
  return Resolution::none;
}

Service service_of(const YAML::Node& object, const std::string& ns) {
  const YAML::Node spec = object["spec"];
  Service service;
  service.name = object["metadata"]["name"].as<std::string>("");
  service.ns = ns;
  service.hosts = texts(spec["hosts"]);
  service.addresses = texts(spec["addresses"]);
  service.resolution = resolution_of(spec["resolution"].as<std::string>("NONE"));
  for (const auto& endpoint : spec["endpoints"]) service.endpoints.push_back(endpoint["address"].as<std::string>(""));
  for (const auto& port : spec["ports"]) {
    ServicePort one;
    one.number = port["number"].as<std::uint16_t>();
    one.target = port["targetPort"].as<std::uint16_t>(one.number);
    one.kind = kind_of(port["protocol"].as<std::string>("TCP"));
    service.ports.push_back(one);
  }
  return service;
}

// "198.51.100.0/24" or "198.51.100.10".
bool covers(const std::string& range, const std::string& address) {
  const auto outer = policy::parse_prefix(range);
  const auto one = policy::parse_prefix(address);
  return outer && one && policy::contains(*outer, *one);
}

// How well a host of a ServiceEntry fits a name: 0 not at all, else the longer the better; exact ones best.
std::size_t fit(const std::string& host, const std::string& name) {
  if (host == name) return 1000 + name.size();
  if (host.rfind("*.", 0) != 0) return 0;
  const std::string suffix = host.substr(1);
  if (name.size() <= suffix.size()) return 0;
  return name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0 ? suffix.size() : 0;
}

struct Authority {
  std::string name;        // lower case, without port and final dot
  std::uint16_t port = 0;  // 0: none given
};

// As Envoy matches virtual hosts: ports are ignored, one final dot is accepted.
Authority authority_of(const std::string& host) {
  Authority authority{lower(host), 0};
  const std::size_t colon = authority.name.rfind(':');
  if (colon != std::string::npos && authority.name.find(':') == colon) {
    authority.port = static_cast<std::uint16_t>(std::atoi(authority.name.c_str() + colon + 1));
    authority.name.erase(colon);
  }
  if (!authority.name.empty() && authority.name.back() == '.') authority.name.pop_back();
  return authority;
}

struct Match {
  const Service* service = nullptr;
  const ServicePort* port = nullptr;
  std::string host;  // of the ServiceEntry
  std::size_t fit = 0;
};

class Listener {
 public:
  Listener(const NamespaceModel& model, const Flow& flow, const Resolve& resolve)
      : model_(model), flow_(flow), resolve_(resolve) {}

  [[nodiscard]] Routed route() const {
    if (const Match vip = by_vip(); vip.service != nullptr) return to_cluster(vip, flow_.sni.value_or(""), 0);
    if (const ServicePort* http = any(PortKind::http); http != nullptr) return route_http();
    if (flow_.tls && any(PortKind::tls) != nullptr) {
      const std::string sni = lower(flow_.sni.value_or(""));
      if (const Match match = by_name(PortKind::tls, sni); match.service != nullptr) return to_cluster(match, sni, 0);
    }
    if (const Match tcp = without_vip(PortKind::tcp); tcp.service != nullptr) return to_cluster(tcp, "", 0);
    return unmatched();
  }

 private:
  template <class Visit>
  void each(PortKind kind, Visit visit) const {
    for (const Service& service : model_.services)
      for (const ServicePort& port : service.ports)
        if (port.number == flow_.port && port.kind == kind) visit(service, port);
  }

  [[nodiscard]] const ServicePort* any(PortKind kind) const {
    const ServicePort* found = nullptr;
    each(kind, [&](const Service&, const ServicePort& port) { found = &port; });
    return found;
  }

  // TLS and TCP ports of an entry with addresses have a listener of their own, which looks at nothing else.
  [[nodiscard]] Match by_vip() const {
    Match found;
    for (const PortKind kind : {PortKind::tls, PortKind::tcp})
      each(kind, [&](const Service& service, const ServicePort& port) {
        for (const std::string& address : service.addresses)
          if (covers(address, flow_.address)) found = {&service, &port, service.hosts.front(), 1};
      });
    return found;
  }

  [[nodiscard]] Match without_vip(PortKind kind) const {
    Match found;
    each(kind, [&](const Service& service, const ServicePort& port) {
      if (service.addresses.empty() && found.service == nullptr) found = {&service, &port, service.hosts.front(), 1};
    });
    return found;
  }

  [[nodiscard]] Match by_name(PortKind kind, const std::string& name) const {
    Match best;
    each(kind, [&](const Service& service, const ServicePort& port) {
      for (const std::string& host : service.hosts)
        if (const std::size_t now = fit(host, name); now > best.fit) best = {&service, &port, host, now};
      for (const std::string& address : service.addresses)
        if (kind == PortKind::http && address == name) best = {&service, &port, service.hosts.front(), 2000};
    });
    return best;
  }

  [[nodiscard]] Routed route_http() const {
    if (!flow_.http) return {"", 0, "", "", flow_.tls ? 0 : 400, "DPE", "http1.codec_error"};
    if (flow_.host.empty()) return {"", 0, "", "", 400, "", "missing_host_header"};
    const Authority authority = authority_of(flow_.host);
    const Match match = by_name(PortKind::http, authority.name);
    if (match.service != nullptr) {
      Routed routed = to_cluster(match, authority.name, authority.port);
      routed.route = "default";
      return routed;
    }
    if (model_.registry_only) return {"", 0, "", "block_all", 502, "", "direct_response"};
    return {flow_.address, flow_.port, "PassthroughCluster", "allow_any", 0, "", "via_upstream"};
  }

  // `name`: what a DYNAMIC_DNS cluster looks up; its port is that of the authority if it has one.
  [[nodiscard]] Routed to_cluster(const Match& match, const std::string& name, std::uint16_t named_port) const {
    Routed routed;
    routed.cluster = "outbound|" + std::to_string(match.port->number) + "||" + match.host;
    routed.port = match.port->target;
    std::vector<std::string> candidates;
    switch (match.service->resolution) {
      case Resolution::none:
        routed.address = flow_.address;
        routed.port = flow_.port;
        return routed;
      case Resolution::static_endpoints:
        candidates = match.service->endpoints;
        break;
      case Resolution::dns:
        candidates = resolve_(match.service->endpoints.empty() ? match.host : match.service->endpoints.front());
        break;
      case Resolution::dynamic_dns:
        candidates = resolve_(name);
        if (named_port != 0) routed.port = named_port;
        break;
    }
    if (candidates.empty()) {
      routed.port = 0;
      routed.flags = "UH";
      routed.code = flow_.http ? 503 : 0;
      routed.details = "no_healthy_upstream";
    } else {
      routed.address = candidates.front();
    }
    return routed;
  }

  [[nodiscard]] Routed unmatched() const {
    if (model_.registry_only) return {"", 0, "BlackHoleCluster", "", 0, "UH", ""};
    return {flow_.address, flow_.port, "PassthroughCluster", "", 0, "", ""};
  }

  const NamespaceModel& model_;
  const Flow& flow_;
  const Resolve& resolve_;
};

SidecarResource sidecar_of(const YAML::Node& object) {
  SidecarResource made;
  if (const YAML::Node selector = object["spec"]["workloadSelector"]; selector && selector["labels"])
    for (const auto& label : selector["labels"])
      made.selector[label.first.as<std::string>()] = label.second.as<std::string>();
  made.created = object["metadata"]["creationTimestamp"].as<std::string>("");
  made.name = object["metadata"]["name"].as<std::string>("");
  if (const YAML::Node policy = object["spec"]["outboundTrafficPolicy"]; policy)
    made.registry_only = policy["mode"].as<std::string>("ALLOW_ANY") == "REGISTRY_ONLY";
  return made;
}

}  // namespace

NamespaceModel for_workload(NamespaceModel model, const std::map<std::string, std::string>& labels) {
  const auto order = [](const SidecarResource& one) {
    return std::tuple(one.selector.empty(), one.created, one.name);  // RFC 3339 in UTC sorts as text
  };
  const SidecarResource* obeyed = nullptr;
  for (const SidecarResource& one : model.sidecars) {
    if (!std::includes(labels.begin(), labels.end(), one.selector.begin(), one.selector.end())) continue;
    if (obeyed == nullptr || order(one) < order(*obeyed)) obeyed = &one;
  }
  model.registry_only = obeyed != nullptr && obeyed->registry_only;
  return model;
}

Result<MeshModel> parse_model(const std::string& manifests) {
  MeshModel model;
  try {
    for (const YAML::Node& object : YAML::LoadAll(manifests)) {
      if (!object.IsMap()) continue;
      const std::string ns = object["metadata"]["namespace"].as<std::string>("default");
      const std::string kind = object["kind"].as<std::string>("");
      if (kind == "ServiceEntry") model[ns].services.push_back(service_of(object, ns));
      if (kind == "Sidecar") model[ns].sidecars.push_back(sidecar_of(object));
    }
    for (auto& [ns, one] : model) one = for_workload(std::move(one), {});
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::environment, std::string("the fake mesh cannot read the manifests: ") + error.what());
  }
  return model;
}

Routed route(const NamespaceModel& model, const Flow& flow, const Resolve& resolve) {
  return Listener(model, flow, resolve).route();
}

bool inspects(const NamespaceModel& model, std::uint16_t port) {
  for (const Service& service : model.services)
    for (const ServicePort& one : service.ports)
      if (one.number == port && one.kind != PortKind::tcp) return true;
  return false;
}

}  // namespace egressproof::backend::fake
