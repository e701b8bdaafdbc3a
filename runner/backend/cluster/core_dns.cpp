#include "runner/backend/cluster/core_dns.h"

#include <functional>

#include "base/crypto.h"

namespace egressproof::backend::cluster {
namespace {

constexpr std::string_view begin_mark = "# egressproof begin\n";
constexpr std::string_view end_mark = "# egressproof end\n";
constexpr int tries = 5;

Result<void> edit(const Kubectl& kubectl, const std::function<std::string(const std::string&)>& change) {
  Error last;
  for (int attempt = 0; attempt < tries; ++attempt) {
    auto map = kubectl.get({"configmap", "coredns", "--namespace", "kube-system"});
    if (!map) return tl::unexpected(map.error());
    const Json data = map->value("data", Json::object());
    if (!data.contains("Corefile"))
      return fail(ErrorKind::environment,
                  "ConfigMap kube-system/coredns has no Corefile: the cluster's DNS is not "
                  "CoreDNS; see docs/kind.md for --dns existing");
    const std::string before = data.at("Corefile");
    const std::string after = change(before);
    if (after == before) return {};
    (*map)["data"]["Corefile"] = after;
    // With its resourceVersion: refused if somebody else was faster.
    const auto replaced = kubectl.run({"replace", "--filename", "-"}, map->dump());
    if (replaced) return {};
    last = replaced.error();
    if (last.message.find("Conflict") == std::string::npos && last.message.find("modified") == std::string::npos) break;
  }
  return tl::unexpected(last);
}

}  // namespace

std::string without_stub_domain(const std::string& corefile) {
  const std::size_t begin = corefile.find(begin_mark);
  const std::size_t end = corefile.find(end_mark);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return corefile;
  return corefile.substr(0, begin) + corefile.substr(end + end_mark.size());
}

std::string with_stub_domain(const std::string& corefile, const std::vector<std::string>& zones,
                             const std::string& server) {
  std::string text = without_stub_domain(corefile);
  if (zones.empty()) return text;
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += begin_mark;
  for (const std::string& zone : zones) text += zone + ":53 {\n    errors\n    forward . " + server + "\n}\n";
  return text += end_mark;
}

Result<void> add_stub_domain(const Kubectl& kubectl, const std::vector<std::string>& zones, const std::string& server) {
  auto edited = edit(kubectl, [&](const std::string& corefile) { return with_stub_domain(corefile, zones, server); });
  if (!edited) return edited;
  // The kubelet looks at a pod's ConfigMaps once a minute, and at once when the pod itself changes. Who may not touch
  // the pod waits.
  (void)kubectl.run({"annotate", "pods", "--overwrite", "--namespace", "kube-system", "--selector", "k8s-app=kube-dns",
                     "egressproof.dev/corefile=" + random_hex(4)});
  return {};
}

Result<void> remove_stub_domain(const Kubectl& kubectl) { return edit(kubectl, without_stub_domain); }

}  // namespace egressproof::backend::cluster
