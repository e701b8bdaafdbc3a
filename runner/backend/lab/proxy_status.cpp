#include "runner/backend/lab/proxy_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"

namespace egressproof::backend::lab {
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

void collect_problems(const Json& node, const std::string& where, std::vector<std::string>& problems) {
  if (node.is_array()) {
    for (const Json& item : node) collect_problems(item, where, problems);
    return;
  }
  if (!node.is_object()) return;
  const std::string name = text_of(node, "name");
  const std::string here = name.empty() ? where : name;
  for (const auto& [key, value] : node.items()) {
    if (key == "error_state") {
      problems.push_back(fmt::format("'{}' was rejected: {}", here, text_of(value, "details")));
    } else if ((key == "warming_state" && value.is_object()) ||
               (key == "dynamic_warming_clusters" && value.is_array() && !value.empty())) {
      problems.push_back(fmt::format("'{}' is still warming", here));
    } else if (value.is_structured()) {
      collect_problems(value, here, problems);
    }
  }
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

std::string unacknowledged(const std::vector<ProxyStatus>& proxies, const std::vector<std::string>& expected,
                           std::uint64_t after) {
  for (const std::string& id : expected) {
    const auto proxy = std::find_if(proxies.begin(), proxies.end(), [&](const auto& one) { return one.id == id; });
    if (proxy == proxies.end()) return fmt::format("proxy {} is not connected to istiod", id);
    for (const char* type : {"Cluster", "Listener"})
      if (proxy->resources.count(type) == 0) return fmt::format("proxy {} has not been sent any {}", id, type);
    for (const auto& [type, status] : proxy->resources) {
      // Secrets come from the agent, and ECDS and the like are pushed only when they are used.
      if (type != "Cluster" && type != "Listener" && type != "RouteConfiguration" && type != "ClusterLoadAssignment")
        continue;
      if (status.sent <= after) return fmt::format("proxy {}: no {} sent since push {}", id, type, after);
      if (status.sent_nonce != status.acked_nonce)
        return fmt::format("proxy {}: {} of push {} not acknowledged", id, type, status.sent);
    }
  }
  return {};
}

std::string not_active(std::string_view config_dump, std::string_view marker_cluster) {
  const Json parsed = Json::parse(config_dump, nullptr, false);
  if (parsed.is_discarded()) return "Envoy's config_dump is not JSON";
  std::vector<std::string> problems;
  collect_problems(parsed, "config_dump", problems);
  if (!problems.empty()) return problems.front();
  for (const Json& config : parsed.value("configs", Json::array()))
    for (const Json& cluster : config.value("dynamic_active_clusters", Json::array()))
      if (text_of(cluster.value("cluster", Json::object()), "name") == marker_cluster) return {};
  return fmt::format("cluster '{}' is not active", marker_cluster);
}

}  // namespace egressproof::backend::lab
