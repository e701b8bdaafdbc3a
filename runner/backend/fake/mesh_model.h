// A small model of what a sidecar does with an outbound connection, built from the policy objects alone: Sidecar
// (outboundTrafficPolicy), ServiceEntry (hosts, addresses, ports, resolution, endpoints). Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace egressproof::backend::fake {

enum class PortKind { http, tls, tcp };
enum class Resolution { none, static_endpoints, dns, dynamic_dns };

struct ServicePort {
  std::uint16_t number = 0;
  std::uint16_t target = 0;  // at the endpoints
  PortKind kind = PortKind::tcp;
};

// A ServiceEntry.
struct Service {
  std::string name, ns;
  std::vector<std::string> hosts, addresses, endpoints;
  std::vector<ServicePort> ports;
  Resolution resolution = Resolution::none;
};

// A Sidecar resource.
struct SidecarResource {
  std::map<std::string, std::string> selector;  // empty: all of the namespace
  std::string created, name;                    // by which istiod decides which one is obeyed
  bool registry_only = false;
};

// What one namespace's sidecars do.
struct NamespaceModel {
  bool registry_only = false;  // of those that no Sidecar selects
  std::vector<SidecarResource> sidecars;
  std::vector<Service> services;
};

// The same for a workload with these labels: a Sidecar that selects it goes before the others, an older one before a
// younger one, and of the same age the one whose name comes first.
NamespaceModel for_workload(NamespaceModel model, const std::map<std::string, std::string>& labels);

using MeshModel = std::map<std::string, NamespaceModel>;  // by namespace

// Multi-document YAML with namespaces set. Kinds that the model does not know are left out. Error kind environment.
Result<MeshModel> parse_model(const std::string& manifests);

struct Flow {
  std::string address;  // dialled
  std::uint16_t port = 0;
  bool tls = false;                // the client begins with a ClientHello
  std::optional<std::string> sni;  // of it
  bool http = false;               // a plain-text HTTP request
  std::string host;                // its authority
};

struct Routed {
  std::string address;  // where the proxy connects to; empty: nowhere
  std::uint16_t port = 0;
  std::string cluster, route;
  int code = 0;                // HTTP status that the proxy itself answers; 0: none
  std::string flags, details;  // as in Envoy's access log
};

// Addresses of a name; empty: it does not resolve.
using Resolve = std::function<std::vector<std::string>(const std::string& name)>;

Routed route(const NamespaceModel& model, const Flow& flow, const Resolve& resolve);

// Whether a port's listener tells HTTP and TLS from other bytes, so that it waits for the client's first ones.
bool inspects(const NamespaceModel& model, std::uint16_t port);

}  // namespace egressproof::backend::fake
