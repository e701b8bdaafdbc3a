#include "runner/backend/cluster/generation.h"

#include <algorithm>
#include <map>
#include <set>

#include "runner/backend/yaml_objects.h"

namespace egressproof::backend::cluster {
namespace {

Json open_sidecar(const std::string& ns) {
  return {{"apiVersion", "networking.istio.io/v1"},
          {"kind", "Sidecar"},
          {"metadata", {{"name", "egressproof-open"}, {"namespace", ns}}},
          {"spec", {{"outboundTrafficPolicy", {{"mode", "ALLOW_ANY"}}}}}};
}

bool is_default_sidecar(const Json& object, const std::string& ns) {
  return object.value("kind", "") == "Sidecar" && object.at("metadata").value("namespace", "") == ns &&
         !object.value("spec", Json::object()).contains("workloadSelector");
}

void expand_blocks(Json& entry, const Relocation& relocation) {
  const auto spec = entry.find("spec");
  if (spec == entry.end() || !spec->contains("addresses")) return;
  Json expanded = Json::array();
  for (const Json& address : (*spec)["addresses"]) {
    const auto within =
        address.is_string() ? relocation.in_block(address.get<std::string>()) : std::vector<std::string>{};
    if (within.empty()) expanded.push_back(address);
    for (const std::string& one : within) expanded.push_back(one);
  }
  (*spec)["addresses"] = std::move(expanded);
}

}  // namespace

void add_open_sidecars(std::vector<Json>& objects, const std::vector<std::string>& namespaces) {
  for (const std::string& ns : namespaces)
    if (std::none_of(objects.begin(), objects.end(),
                     [&](const Json& object) { return is_default_sidecar(object, ns); }))
      objects.push_back(open_sidecar(ns));
}

std::vector<Json> placed(std::vector<Json> objects, const Relocation& relocation,
                         const std::map<std::string, std::string>& nodes) {
  for (Json& object : objects) {
    if (object.value("kind", "") == "ServiceEntry") expand_blocks(object, relocation);
    object = Json::parse(relocation.to_cluster(object.dump()));
    if (object.value("kind", "") != "EndpointSlice" || !object.contains("endpoints")) continue;
    for (Json& endpoint : object["endpoints"]) {
      const Json addresses = endpoint.value("addresses", Json::array());
      const auto node = addresses.empty() ? nodes.end() : nodes.find(addresses.front().get<std::string>());
      if (node != nodes.end() && !endpoint.contains("nodeName")) endpoint["nodeName"] = node->second;
    }
  }
  return objects;
}

bool of_istio(const Json& object) { return object.value("apiVersion", "").find(".istio.io/") != std::string::npos; }

std::string store_gap(const Json& store, const std::vector<Json>& wanted, const std::vector<std::string>& namespaces) {
  std::map<std::string, std::int64_t> there;  // generation by uid
  for (const Json& object : store) {
    const Json metadata = object.value("metadata", Json::object());
    there[metadata.value("uid", "")] = metadata.value("generation", std::int64_t{0});
  }
  std::set<std::string> uids;
  for (const Json& object : wanted) {
    const Json& metadata = object.at("metadata");
    const auto found = there.find(metadata.value("uid", "?"));
    if (found == there.end() || found->second < metadata.value("generation", std::int64_t{0}))
      return identity_of(object) + " in istiod's store (/debug/configz)";
    uids.insert(found->first);
  }
  const std::set<std::string> ours(namespaces.begin(), namespaces.end());
  for (const Json& object : store) {
    const Json metadata = object.value("metadata", Json::object());
    if (ours.count(metadata.value("namespace", "")) != 0 && uids.count(metadata.value("uid", "")) == 0)
      return identity_of(object) + " gone from istiod's store (/debug/configz)";
  }
  return {};
}

std::string registry_gap(const Json& registry, const std::vector<Json>& objects) {
  for (const Json& object : objects) {
    if (object.value("kind", "") != "Service" || object.value("apiVersion", "") != "v1") continue;
    const Json& metadata = object.at("metadata");
    const std::string host = metadata.value("name", "") + "." + metadata.value("namespace", "") + ".svc.";
    if (std::none_of(registry.begin(), registry.end(),
                     [&](const Json& one) { return one.value("hostname", "").rfind(host, 0) == 0; }))
      return identity_of(object) + " in istiod's registry (/debug/registryz)";
  }
  return {};
}

}  // namespace egressproof::backend::cluster
