#include "runner/backend/mesh/proxy_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/json.h"

namespace egressproof::backend::mesh {
namespace {

constexpr std::size_t uuid_length = 36;

// "2026-11-24T11:23:52Z/17" + uuid -> 17; 0 if it is not of that form.
std::uint64_t push_counter(const std::string& nonce) {
  const std::size_t slash = nonce.find('/');
  if (slash == std::string::npos || nonce.size() < slash + 1 + uuid_length) return 0;
  std::uint64_t counter = 0;
  std::from_chars(nonce.data() + slash + 1, nonce.data() + nonce.size() - uuid_length, counter);
  return counter;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The name within a listener's or cluster's entry of the dump.
std::string name_in(const Json& entry) {
  const std::string own = text_of(entry, "name");
  if (!own.empty()) return own;
  const auto cluster = entry.find("cluster");
  return cluster != entry.end() && cluster->is_object() ? text_of(*cluster, "name") : "a resource";
}

std::string regex_quoted(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) quoted += '\\';
    quoted += c;
  }
  return quoted;
}

// For a query string: all but letters, digits and "-_.~" as %XX.
std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-_.~").find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", byte);
  }
  return encoded;
}

}  // namespace

Result<std::vector<ProxyStatus>> parse_syncz(std::string_view body) {
  const Json parsed = Json::parse(body, nullptr, false);
  if (!parsed.is_array()) return fail(ErrorKind::environment, "istiod's /debug/syncz is not a JSON array");
  std::vector<ProxyStatus> proxies;
  for (const Json& entry : parsed) {
    ProxyStatus proxy;
    proxy.id = text_of(entry, "proxy");
    const Json resources = entry.value("resources", Json::object());
    for (const auto& [url, resource] : resources.items()) {
      ResourceStatus status;
      status.sent_nonce = text_of(resource, "sent");
      status.acked_nonce = text_of(resource, "acked");
      status.sent = push_counter(status.sent_nonce);
      status.acked = push_counter(status.acked_nonce);
      status.last_error = text_of(resource, "lastError");
      proxy.resources[url.substr(url.rfind('.') + 1)] = status;
    }
    proxies.push_back(std::move(proxy));
  }
  return proxies;
}

std::uint64_t highest_push(const std::vector<ProxyStatus>& proxies) {
  std::uint64_t highest = 0;
  for (const ProxyStatus& proxy : proxies)
    for (const auto& [type, status] : proxy.resources) highest = std::max(highest, status.sent);
  return highest;
}

std::vector<std::string> rejections(const std::vector<ProxyStatus>& proxies) {
  std::vector<std::string> found;
  for (const ProxyStatus& proxy : proxies)
    for (const auto& [type, status] : proxy.resources)
      if (!status.last_error.empty())
        found.push_back(fmt::format("proxy {} rejected {}: {}", proxy.id, type, status.last_error));
  return found;
}

std::vector<std::string> new_rejections(const std::vector<ProxyStatus>& before, const std::vector<ProxyStatus>& now) {
  const auto old = rejections(before);
  auto found = rejections(now);
  found.erase(std::remove_if(found.begin(), found.end(),
                             [&](const auto& one) { return std::find(old.begin(), old.end(), one) != old.end(); }),
              found.end());
  return found;
}

std::string unacknowledged(const std::vector<ProxyStatus>& proxies, const std::vector<std::string>& expected,
                           std::uint64_t after, Xds xds) {
  for (const std::string& id : expected) {
    const auto proxy = std::find_if(proxies.begin(), proxies.end(), [&](const auto& one) { return one.id == id; });
    if (proxy == proxies.end()) return fmt::format("proxy {} is not connected to istiod", id);
    for (const char* type : {"Cluster", "Listener"})
      if (proxy->resources.count(type) == 0) return fmt::format("proxy {} has not been sent any {}", id, type);
    for (const auto& [type, status] : proxy->resources) {
      // Secrets come from the agent, and ECDS and the like are pushed only when they are used.
      if (type != "Cluster" && type != "Listener" && type != "RouteConfiguration" && type != "ClusterLoadAssignment")
        continue;
      const bool always = xds == Xds::state_of_the_world || type == "Cluster" || type == "Listener";
      if (always && status.sent <= after) return fmt::format("proxy {}: no {} sent since push {}", id, type, after);
      if (status.sent_nonce != status.acked_nonce)
        return fmt::format("proxy {}: {} of push {} not acknowledged{}", id, type, status.sent,
                           status.last_error.empty() ? "" : ", rejected: " + status.last_error);
    }
  }
  return {};
}

Result<std::string> push_gap(const std::vector<ProxyStatus>& before, const std::vector<ProxyStatus>& now,
                             const std::vector<std::string>& expected, Xds xds) {
  if (const auto rejected = new_rejections(before, now); !rejected.empty())
    return fail(ErrorKind::environment, rejected.front());
  return unacknowledged(now, expected, highest_push(before), xds);
}

std::vector<std::string> activity_queries(const std::string& marker_cluster) {
  const std::string dump = "/config_dump?resource=";
  return {
      dump + "dynamic_active_clusters&mask=cluster.name&name_regex=" + percent_encoded(regex_quoted(marker_cluster)),
      dump + "dynamic_warming_clusters&mask=cluster.name,error_state",
      dump + "dynamic_listeners&mask=name,warming_state.version_info,error_state"};
}

std::string not_active(const std::vector<std::string>& bodies, std::string_view marker_cluster) {
  bool active = false;
  for (const std::string& body : bodies) {
    const Json parsed = Json::parse(body, nullptr, false);
    if (!parsed.is_object()) return "Envoy's config_dump is not a JSON object";
    for (const Json& entry : parsed.value("configs", Json::array())) {
      const std::string name = name_in(entry);
      if (entry.contains("error_state"))
        return fmt::format("'{}' was rejected: {}", name, text_of(entry["error_state"], "details"));
      if (entry.contains("warming_state") || &body == &bodies[1]) return fmt::format("'{}' is still warming", name);
      active = active || (&body == &bodies[0] && name == marker_cluster);
    }
  }
  return active ? std::string() : fmt::format("cluster '{}' is not active", marker_cluster);
}

}  // namespace egressproof::backend::mesh
