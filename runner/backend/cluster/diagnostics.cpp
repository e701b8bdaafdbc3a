#include "runner/backend/cluster/diagnostics.h"

#include <algorithm>
#include <sstream>

#include "base/files.h"
#include "runner/backend/cluster/readiness.h"
#include "runner/backend/cluster/redact.h"

namespace egressproof::backend::cluster {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr std::size_t most_lines = 8;
constexpr std::size_t most_proxies = 40;

std::string indented(const std::string& text, const std::string& with) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) out += "\n" + with + line;
  return out;
}

std::vector<Json> items_of(const Result<Json>& list) {
  std::vector<Json> items;
  if (list && member(*list, "items").is_array())
    for (const Json& item : member(*list, "items")) items.push_back(item);
  return items;
}

// Of one that is not ready: first the container that waits or was restarted.
std::string suspect_container(const Json& pod) {
  for (const char* kind : {"status/initContainerStatuses", "status/containerStatuses"})
    if (const Json& all = member(pod, kind); all.is_array())
      for (const Json& status : all)
        if (member(status, "ready") != true) return text_of(status, "name");
  return "";
}

std::string warnings_of(const Kubectl& kubectl, const std::string& ns) {
  auto events = items_of(kubectl.get({"events", "--namespace", ns, "--field-selector", "type=Warning"}));
  std::stable_sort(events.begin(), events.end(), [](const Json& a, const Json& b) {
    return text_of(a, "metadata/creationTimestamp") > text_of(b, "metadata/creationTimestamp");
  });
  std::string text;
  for (std::size_t i = 0; i < events.size() && i < most_lines; ++i)
    text += "\n    event: " + text_of(events[i], "involvedObject/name") + ": " + text_of(events[i], "reason") + ": " +
            text_of(events[i], "message");
  return text;
}

// Collects files; what cannot be had is a line of errors.txt.
class Bundle {
 public:
  Bundle(const BundleSources& sources, fs::path folder) : sources_(sources), folder_(std::move(folder)) {}

  Result<std::vector<std::string>> write() {
    cluster();
    objects();
    for (const std::string& ns : sources_.namespaces) logs(ns);
    proxies();
    nodes();
    for (const fs::path& file : sources_.log_files)
      if (const auto text = read_file(file)) put("provision/" + file.filename().string(), *text);
    if (!errors_.empty()) put("errors.txt", errors_);
    if (!failed_) return names_;
    return tl::unexpected(*failed_);
  }

 private:
  void put(const std::string& name, const std::string& text) {
    if (failed_) return;
    const fs::path path = folder_ / name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (auto written = write_file_atomically(path, without_secrets(text)); !written) failed_ = written.error();
    names_.push_back(name);
  }
  void take(const std::string& name, const Result<std::string>& text) {
    if (text)
      put(name, *text);
    else
      errors_ += name + ": " + without_secrets(text.error().message) + "\n";
  }
  [[nodiscard]] bool stop() const { return failed_ || (sources_.interrupted && sources_.interrupted()); }

  void cluster() {
    if (stop()) return;
    const Kubectl& kubectl = *sources_.kubectl;
    std::string text;
    for (const std::vector<std::string>& args :
         {std::vector<std::string>{"version"},
          {"get", "nodes", "--output", "wide"},
          {"get", "pods", "--all-namespaces", "--output", "wide"},
          {"get", "services", "--all-namespaces"},
          {"get", "configmap", "coredns", "--namespace", "kube-system", "--output", "yaml"}}) {
      const auto told = kubectl.run(args);
      std::string title = "$ kubectl";
      for (const std::string& word : args) title += " " + word;
      text += title + "\n" + (told ? *told : told.error().message) + "\n";
    }
    put("cluster.txt", text);
    take("events.txt", kubectl.run({"get", "events", "--all-namespaces", "--sort-by", ".metadata.creationTimestamp",
                                    "--output", "wide"}));
    take("describe-nodes.txt", kubectl.run({"describe", "nodes"}));
  }

  // Never `get secrets`: what is not asked for cannot get out.
  void objects() {
    static const std::vector<std::string> kinds{"pods",
                                                "deployments.apps",
                                                "configmaps",
                                                "services.serving.knative.dev",
                                                "serviceentries.networking.istio.io",
                                                "sidecars.networking.istio.io",
                                                "virtualservices.networking.istio.io",
                                                "gateways.networking.istio.io",
                                                "destinationrules.networking.istio.io",
                                                "envoyfilters.networking.istio.io",
                                                "authorizationpolicies.security.istio.io",
                                                "peerauthentications.security.istio.io",
                                                "networkpolicies.networking.k8s.io"};
    for (const std::string& kind : kinds) {
      if (stop()) return;
      const std::string name = "objects/" + kind.substr(0, kind.find('.')) + "-" +
                               (kind.find('.') == std::string::npos ? "core" : kind.substr(kind.find('.') + 1)) +
                               ".json";
      const auto list = sources_.kubectl->get({kind, "--all-namespaces"});
      if (list)
        put(name, without_secrets(*list).dump(1) + "\n");
      else
        take(name, tl::unexpected(list.error()));
    }
  }

  void logs(const std::string& ns) {
    for (const Json& pod : items_of(sources_.kubectl->get({"pods", "--namespace", ns}))) {
      if (stop()) return;
      const std::string name = text_of(pod, "metadata/name");
      const std::string file = "logs/" + ns + "-" + name;
      take(file + ".log", sources_.kubectl->run({"logs", name, "--namespace", ns, "--all-containers", "--prefix",
                                                 "--timestamps", "--tail", "2000"}));
      if (was_restarted(pod))
        take(file + ".previous.log",
             sources_.kubectl->run({"logs", name, "--namespace", ns, "--container", suspect_or_first(pod), "--previous",
                                    "--timestamps", "--tail", "500"}));
      const Json one = {{"items", {pod}}};
      if (!not_ready(one).empty())
        take(file + ".describe.txt", sources_.kubectl->run({"describe", "pod", name, "--namespace", ns}));
      if (has_proxy(pod)) proxies_.push_back(name + "." + ns);
    }
  }
  static bool was_restarted(const Json& pod) {
    const Json& all = member(pod, "status/containerStatuses");
    return all.is_array() && std::any_of(all.begin(), all.end(), [](const Json& status) {
             return member(status, "restartCount").is_number_integer() && member(status, "restartCount").get<int>() > 0;
           });
  }
  static std::string suspect_or_first(const Json& pod) {
    const Json& all = member(pod, "status/containerStatuses");
    for (const Json& status : all)
      if (member(status, "restartCount").is_number_integer() && member(status, "restartCount").get<int>() > 0)
        return text_of(status, "name");
    return text_of(all.front(), "name");
  }
  static bool has_proxy(const Json& pod) {
    for (const char* kind : {"spec/initContainers", "spec/containers"})
      if (const Json& all = member(pod, kind); all.is_array())
        for (const Json& container : all)
          if (text_of(container, "name") == "istio-proxy") return true;
    return false;
  }

  [[nodiscard]] Result<std::string> istioctl(std::vector<std::string> args) const {
    if (!sources_.kubeconfig.empty()) args.insert(args.end(), {"--kubeconfig", sources_.kubeconfig.string()});
    return process::run_checked(sources_.tools->istioctl(args), seconds(60));
  }
  void proxies() {
    if (sources_.tools == nullptr) return;
    if (!stop()) take("proxies/status.txt", istioctl({"proxy-status"}));
    for (std::size_t i = 0; i < proxies_.size() && i < most_proxies && !stop(); ++i)
      for (const char* part : {"listener", "cluster", "route"})
        take("proxies/" + proxies_[i] + "." + part + ".json",
             istioctl({"proxy-config", part, proxies_[i], "--output", "json"}));
  }

  void nodes() {
    if (sources_.tools == nullptr) return;
    for (const std::string& node : sources_.node_containers) {
      if (stop()) return;
      take("nodes/" + node + ".log",
           process::run_checked(sources_.tools->docker({"logs", "--tail", "2000", node}), seconds(30)));
      take("nodes/" + node + ".kubelet.log",
           process::run_checked(sources_.tools->docker(
                                    {"exec", node, "journalctl", "--no-pager", "--lines", "1000", "--unit", "kubelet"}),
                                seconds(30)));
      take("nodes/" + node + ".iptables.txt",
           process::run_checked(sources_.tools->docker({"exec", node, "iptables-save"}), seconds(30)));
    }
  }

  const BundleSources& sources_;
  fs::path folder_;
  std::vector<std::string> names_, proxies_;
  std::string errors_;
  std::optional<Error> failed_;
};

}  // namespace

std::string why_not_ready(const Kubectl& kubectl, const std::vector<std::string>& namespaces) {
  std::string text;
  for (const std::string& ns : namespaces) {
    std::string told;
    for (const Json& pod : items_of(kubectl.get({"pods", "--namespace", ns}))) {
      for (const std::string& line : not_ready({{"items", {pod}}})) told += "\n    " + line;
      if (not_ready({{"items", {pod}}}).empty()) continue;
      const std::string container = suspect_container(pod);
      if (container.empty()) continue;
      const auto log = kubectl.run(
          {"logs", text_of(pod, "metadata/name"), "--namespace", ns, "--container", container, "--tail", "8"});
      if (log) told += indented(*log, "      log: ");
    }
    told += warnings_of(kubectl, ns);
    if (!told.empty()) text += "\n  namespace " + ns + ":" + told;
  }
  return without_secrets(std::move(text));
}

Result<std::vector<std::string>> write_bundle(const BundleSources& sources, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorKind::environment, "cannot make folder '" + folder.string() + "': " + error.message());
  return Bundle(sources, folder).write();
}

}  // namespace egressproof::backend::cluster
