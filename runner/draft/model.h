// What the manifests say about egress, each statement with its place. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runner/draft/manifests.h"

namespace egressproof::draft {

enum class Wire { http, tls, tcp };  // what a client sends first on a port of this protocol
std::string to_string(Wire wire);

struct Port {
  std::uint16_t number = 0;
  std::uint16_t target = 0;  // at the host; differs where the proxy originates TLS
  Wire wire = Wire::tcp;
  Location at;
};

// One host of one ServiceEntry: the allowlist.
struct Listing {
  std::string host;  // in lower case; "*.example.com" of a wildcard
  std::string ns;    // of the ServiceEntry
  std::string object;
  std::string resolution;  // upper case; "NONE" where the manifest says nothing, as Istio has it
  std::vector<Port> ports;
  std::vector<std::string> addresses, endpoints;  // as written
  bool exported_by_default = false;               // no exportTo: every namespace sees it, and nobody said so
  std::set<std::string> export_to;                // namespaces; "*": all, said so
  Location at, resolution_at;
  [[nodiscard]] bool wildcard() const { return host.starts_with("*."); }
  [[nodiscard]] std::string suffix() const { return wildcard() ? host.substr(2) : host; }
};

// A VirtualService leads a host from the workloads to an egress gateway.
struct GatewayRoute {
  std::string host;
  Wire wire = Wire::http;
  std::string gateway_ns;
  std::string to;  // where the gateway connects to; empty: to the host itself, or nowhere that was found
  Location at;
};

struct Workload {
  std::string ns;
  std::vector<std::string> named;  // "Deployment shop", as found; the probe stands for all of them
  std::string gateway;             // namespace of its egress gateway; empty: none
  bool registry_only = false;
  bool stated = false;                     // by its own namespace-wide Sidecar (not by the root namespace or the mesh)
  Location at;                             // of what decides registry_only, else of the first object of the namespace
  std::string decided_by;                  // "Sidecar default"; empty: nothing says it
  bool sidecar_hosts = false;              // its Sidecar has egress.hosts
  std::optional<Location> network_policy;  // first one that is for egress
};

struct Model {
  std::vector<Workload> workloads;  // in order of appearance
  std::vector<Listing> listings;    // of hosts outside the cluster, as written
  std::vector<GatewayRoute> routes;
  std::string root_ns = "istio-system";
  const Manifest* root_sidecar = nullptr;      // of the root namespace: the default of all others. Borrowed
  std::optional<Location> mesh_registry_only;  // meshConfig.outboundTrafficPolicy REGISTRY_ONLY
  std::vector<Aside> understood;               // one an object: what it is to the draft
  std::vector<Aside> asides;                   // what cannot be used, and why
  std::vector<Diagnostic> problems;            // unknown keys and values in what is interpreted
};

// `default_ns` is where objects without namespace go. Borrows the manifests.
Model interpret(const Manifests& manifests, const std::string& default_ns);

// The namespace of an object once it is applied.
std::string effective_ns(const scenario::PolicyObject& object, const std::string& default_ns);

// Whether the control plane of a lab gets objects of this kind; else it is read alone.
bool is_applied(const scenario::PolicyObject& object);

// What the manifests say of a listing and a workload.
enum class Seen { own, shared, leaked, no };  // leaked: only because exportTo was left out
Seen seen_by(const Model& model, const Listing& listing, const Workload& workload);

}  // namespace egressproof::draft
