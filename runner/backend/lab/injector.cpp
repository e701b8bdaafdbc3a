#include "runner/backend/lab/injector.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "runner/backend/yaml_objects.h"

namespace egressproof::backend::lab {
namespace {

constexpr const char* config_map = "\n  name: istio-sidecar-injector\n";
constexpr const char* document_mark = "\n---\n";
constexpr const char* proxy_container = "istio-proxy";
constexpr const char* proxy_image = "proxyv2";  // whatever the registry and the tag
constexpr const char* entry_point = "pilot-agent";

Json at(const Json& object, std::initializer_list<const char*> path) {
  const Json* found = &object;
  for (const char* key : path) {
    if (!found->is_object() || !found->contains(key)) return {};
    found = &found->at(key);
  }
  return *found;
}

std::string text_of(const Json& value) {
  if (value.is_null()) return {};
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::map<std::string, std::string> names_of(const Json& object) {
  std::map<std::string, std::string> names;
  if (object.is_object())
    for (const auto& [key, value] : object.items()) names[key] = text_of(value);
  return names;
}

std::vector<std::string> texts_of(const Json& list) {
  std::vector<std::string> texts;
  if (list.is_array())
    for (const Json& item : list) texts.push_back(text_of(item));
  return texts;
}

// "2000m", "1Gi", in units of `divisor` 1, rounded up as the kubelet does.
std::optional<std::string> quantity(const std::string& text) {
  char* rest = nullptr;
  const double number = std::strtod(text.c_str(), &rest);
  if (rest == text.c_str()) return std::nullopt;
  static const std::map<std::string, double> units{{"", 1},    {"m", 1e-3},    {"k", 1e3},        {"M", 1e6},
                                                   {"G", 1e9}, {"Ki", 1024.0}, {"Mi", 1048576.0}, {"Gi", 1073741824.0}};
  const auto unit = units.find(rest);
  if (unit == units.end()) return std::nullopt;
  return fmt::format("{:.0f}", std::ceil(number * unit->second));
}

// Of a container without such a limit: what the node has.
std::string of_the_node(const std::string& resource) {
  if (resource == "limits.cpu") return std::to_string(::sysconf(_SC_NPROCESSORS_ONLN));
  return std::to_string(::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE));
}

class Reader {
 public:
  Reader(const Json& pod, const PodPlace& place) : pod_(pod), place_(place) {}

  Result<InjectedPod> run() {
    InjectedPod injected;
    injected.labels = names_of(at(pod_, {"metadata", "labels"}));
    injected.annotations = names_of(at(pod_, {"metadata", "annotations"}));
    for (const Json& one : at(pod_, {"spec", "initContainers"})) {
      auto container = read(one);
      if (!container) return tl::unexpected(container.error());
      if (text_of(at(one, {"restartPolicy"})) == "Always") {
        injected.proxy = std::move(*container);
        injected.proxy_first = one.contains("startupProbe");
      } else if (injected.proxy) {
        return refuse(one, "is an init container after the proxy");
      } else {
        injected.init.push_back(std::move(*container));
      }
    }
    for (const Json& one : at(pod_, {"spec", "containers"})) {
      if (text_of(at(one, {"name"})) != proxy_container) continue;
      auto container = read(one);
      if (!container) return tl::unexpected(container.error());
      injected.proxy = std::move(*container);
      injected.proxy_first = !at(one, {"lifecycle", "postStart"}).is_null();
    }
    return injected;
  }

 private:
  tl::unexpected<Error> refuse(const Json& container, const std::string& what) const {
    return fail(ErrorKind::scenario, fmt::format("pod of {}: the injected container '{}' {}, which the lab cannot run",
                                                 place_.name, text_of(at(container, {"name"})), what));
  }

  [[nodiscard]] std::optional<std::string> field(const std::string& path) const {
    if (path == "metadata.name") return pod_name(place_);
    if (path == "metadata.namespace") return place_.ns;
    if (path == "spec.serviceAccountName") return place_.service_account;
    if (path == "status.podIP") return place_.address;
    if (path == "status.hostIP") return world_address;
    if (path == "spec.nodeName") return "lab";
    return std::nullopt;
  }

  [[nodiscard]] std::optional<std::string> value_of(const Json& entry, const Json& container) const {
    if (!entry.contains("valueFrom")) return text_of(at(entry, {"value"}));
    if (const Json path = at(entry, {"valueFrom", "fieldRef", "fieldPath"}); !path.is_null())
      return field(text_of(path));
    const std::string resource = text_of(at(entry, {"valueFrom", "resourceFieldRef", "resource"}));
    if (resource != "limits.cpu" && resource != "limits.memory") return std::nullopt;
    const std::string limit = text_of(at(container, {"resources", "limits", resource.c_str() + 7}));
    return limit.empty() ? of_the_node(resource) : quantity(limit);
  }

  // "$(NAME)" in arguments stands for a variable of the container.
  static std::string expanded(std::string text, const std::map<std::string, std::string>& environment) {
    for (const auto& [name, value] : environment) {
      const std::string reference = "$(" + name + ")";
      for (std::size_t where = text.find(reference); where != std::string::npos; where = text.find(reference, where))
        text.replace(where, reference.size(), value), where += value.size();
    }
    return text;
  }

  [[nodiscard]] Result<Container> read(const Json& one) const {
    Container made;
    made.name = text_of(at(one, {"name"}));
    std::string image = text_of(at(one, {"image"}));
    image = image.substr(image.rfind('/') + 1);
    if (image.substr(0, image.find_first_of(":@")) != proxy_image) return refuse(one, "has the image '" + image + "'");
    for (const Json& entry : at(one, {"env"})) {
      const std::string name = text_of(at(entry, {"name"}));
      auto value = value_of(entry, one);
      if (!value) return refuse(one, "has a variable " + name + " from " + at(entry, {"valueFrom"}).dump());
      made.environment[name] = std::move(*value);
    }
    const std::vector<std::string> command = texts_of(at(one, {"command"}));
    if (!command.empty()) {
      if (command.front().substr(command.front().rfind('/') + 1) != entry_point)
        return refuse(one, "runs '" + command.front() + "'");
      made.arguments.assign(command.begin() + 1, command.end());
    }
    for (const std::string& word : texts_of(at(one, {"args"}))) made.arguments.push_back(word);
    for (std::string& word : made.arguments) word = expanded(std::move(word), made.environment);
    made.capabilities = texts_of(at(one, {"securityContext", "capabilities", "add"}));
    const auto id = [&](const char* key) {
      const Json number = at(one, {"securityContext", key});
      return number.is_number_integer() ? number.get<int>() : 1337;  // the image's USER
    };
    made.uid = id("runAsUser");
    made.gid = id("runAsGroup");
    return made;
  }

  const Json& pod_;
  const PodPlace& place_;
};

}  // namespace

Result<InjectionTemplate> injection_template(const std::string& manifests) {
  const std::size_t name = manifests.find(config_map);
  if (name != std::string::npos) {
    // That document alone: all of them are a megabyte.
    const std::size_t before = manifests.rfind(document_mark, name);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    const auto objects = parse_objects(manifests.substr(begin, manifests.find(document_mark, name) - begin));
    if (!objects) return tl::unexpected(objects.error());
    for (const Json& object : *objects) {
      InjectionTemplate found{text_of(at(object, {"data", "config"})), text_of(at(object, {"data", "values"}))};
      if (text_of(at(object, {"kind"})) == "ConfigMap" && !found.config.empty() && !found.values.empty()) return found;
    }
  }
  return fail(ErrorKind::environment, "the manifests of 'istioctl manifest generate' have no template of the injector");
}

Json pod_manifest(const PodPlace& pod) {
  const scenario::PodTemplate tenant = pod.tenant.value_or(scenario::PodTemplate{});
  std::map<std::string, std::string> annotations = tenant.annotations;
  // In a cluster the name of istiod's Service leads to the family that the pod has.
  if (is_ipv6(pod.address))
    annotations.emplace("proxy.istio.io/config", fmt::format("discoveryAddress: '[{}]:15010'", istiod_address6));
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", pod_name(pod)}, {"namespace", pod.ns}, {"labels", labels_of(pod)}, {"annotations", annotations}}},
          {"spec",
           {{"serviceAccountName", pod.service_account},
            {"containers",
             {{{"name", tenant.container.empty() ? "probe" : tenant.container}, {"image", "egressproof"}}}}}}};
}

Result<InjectedPod> read_injected(const Json& pod, const PodPlace& place) { return Reader(pod, place).run(); }

std::string downward_file(const std::map<std::string, std::string>& entries) {
  std::string text;
  for (const auto& [key, value] : entries) text += key + "=" + Json(value).dump() + "\n";
  return text;
}

}  // namespace egressproof::backend::lab
