// docker, kind, kubectl and istioctl as one small script in a folder of the test's own: it records every command line
// and plays a cluster whose state is files in that folder.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/files.h"
#include "runner/backend/cluster/tools.h"

namespace egressproof::backend::cluster {

inline constexpr const char* fake_script = R"SH(#!/bin/bash
export PATH=/usr/bin:/bin
dir=@DIR@
line="${0##*/} $*"
line="${line//--kubeconfig $dir\/state\/kubeconfig /}"
echo "$line" >>"$dir/calls"
[ -e "$dir/fail" ] && while read -r pattern; do
  if [[ "$line" == $pattern ]]; then echo "injected failure, password: hunter22" >&2; exit 7; fi
done <"$dir/fail"
show() { if [ -e "$dir/$1" ]; then cat "$dir/$1"; else echo '{"items": []}'; fi; }
case "$line" in
  "docker version"*) echo 28.2.2 ;;
  "docker info"*) show info ;;
  "kind version") echo "kind v0.33.0 go1.26.8 linux/amd64" ;;
  "kubectl version"*) echo "Client Version: v1.36.3" ;;
  "istioctl version"*) echo "client version: 1.31.0" ;;
  "kind get clusters") cat "$dir/clusters" ;;
  "kind create cluster"*) echo testing >>"$dir/clusters"; if [ -e "$dir/hang" ]; then exec sleep 100; fi ;;
  "kind delete cluster"*) : >"$dir/clusters"; : >"$dir/images"; rm -rf "$dir/marks" ;;
  "kind get nodes"*) echo testing-control-plane ;;
  "kind get kubeconfig"*) echo "apiVersion: v1" ;;
  "kind load docker-image --name testing "*) for i in ${line#*testing }; do echo "${i/#istio\//docker.io/istio/}" >>"$dir/images"; done ;;
  "docker image inspect"*) echo "sha256:of-${line##* }" ;;
  "docker exec"*ctr*) cat "$dir/images" ;;
  "docker exec"*iptables-save) echo "-A PREROUTING" ;;
  "docker logs"*) echo "node says token: abcdefgh12345" ;;
  "kubectl get --raw /readyz"*) echo ok ;;
  "kubectl get nodes --output json") show nodes ;;
  "kubectl get deployments --namespace kube-system"*) show workloads-kube-system ;;
  "kubectl get deployments,daemonsets --namespace "*) ns=${line#*--namespace }; show "workloads-${ns%% *}" ;;
  "kubectl get pods --namespace "*) ns=${line#*--namespace }; show "pods-${ns%% *}" ;;
  "kubectl get events --namespace "*) ns=${line#*--namespace }; show "events-${ns%% *}" ;;
  "kubectl get ingresses"*) show ingresses ;;
  "kubectl get configmap egressproof-provision"*)
    [ -d "$dir/marks" ] || exit 0
    printf '{"data": {"none": ""'
    for m in "$dir"/marks/*; do [ -e "$m" ] && printf ', "%s": "%s"' "${m##*/}" "$(cat "$m")"; done
    echo '}}' ;;
  "kubectl get pods --all-namespaces --output json") show all-pods ;;
  "kubectl get configmaps --all-namespaces"*) show all-configmaps ;;
  "kubectl logs"*) if [ -e "$dir/log" ]; then cat "$dir/log"; fi ;;
  "kubectl apply"*"--field-manager egressproof-"*)
    step=${line#*--field-manager egressproof-}; step=${step%% *}
    mkdir -p "$dir/marks"; sed -E "s/.*\"data\":\{\"$step\":\"([0-9a-f]+)\".*/\1/" >"$dir/marks/$step" ;;
  "kubectl apply"*) cat >>"$dir/applied"; echo '{"kind": "List", "items": []}' ;;
  *) cat >/dev/null; echo "{}" ;;
esac
)SH";

class FakeTools {
 public:
  FakeTools() : folder_(std::filesystem::temp_directory_path() / ("fake-tools-" + random_hex(6))) {
    std::filesystem::create_directories(folder_ / "bin");
    std::string script = fake_script;
    script.replace(script.find("@DIR@"), 5, folder_.string());
    for (const char* name : {"docker", "kind", "kubectl", "istioctl"}) program("bin", name, script);
    put("info", R"({"ServerVersion": "28.2.2", "CgroupVersion": "2", "MemTotal": 17179869184})");
    put("clusters", "");
    put("images", "");
    put("nodes", R"({"items": [{"kind": "Node", "metadata": {"name": "n"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}}]})");
    put("workloads-kube-system", workloads({"coredns"}, 1));
    put("workloads-istio-system", workloads({"istiod"}, 1));
    put("workloads-knative-serving", workloads({"activator", "autoscaler", "controller", "webhook"}, 1));
  }
  FakeTools(const FakeTools&) = delete;
  FakeTools& operator=(const FakeTools&) = delete;
  ~FakeTools() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void program(const std::string& under, const std::string& name, const std::string& script) const {
    std::filesystem::create_directories(folder_ / under);
    const auto path = folder_ / under / name;
    std::ofstream(path) << script;
    ::chmod(path.c_str(), 0755);
  }
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  void remove(const std::string& name) const { std::filesystem::remove(folder_ / name); }
  // Command lines that match `pattern` (a bash glob) exit with 7.
  void fail_on(const std::string& pattern) const { put("fail", pattern + "\n"); }

  static std::string workloads(const std::vector<std::string>& names, int available) {
    Json items = Json::array();
    for (const std::string& name : names)
      items.push_back(
          {{"kind", "Deployment"},
           {"metadata", {{"name", name}, {"namespace", "ns"}, {"generation", 1}}},
           {"spec", {{"replicas", 1}}},
           {"status", {{"observedGeneration", 1}, {"updatedReplicas", 1}, {"availableReplicas", available}}}});
    return Json{{"items", items}}.dump();
  }

  [[nodiscard]] std::filesystem::path folder() const { return folder_; }
  [[nodiscard]] ToolSearch search() const {
    return {{{"PATH", (folder_ / "bin").string()}, {"HOME", folder_.string()}}, {}};
  }
  [[nodiscard]] Tools tools() const {
    auto tools = Tools::from(search(), look_for_tools(search()));
    EXPECT_TRUE(tools) << to_string(tools.error());
    return *tools;
  }
  [[nodiscard]] std::string text(const std::string& name) const { return read_file(folder_ / name).value_or(""); }

  // Command lines since the last call that contain one of `words`; all if there are none.
  std::vector<std::string> calls(const std::vector<std::string>& words = {}) {
    std::istringstream lines(text("calls"));
    std::vector<std::string> some;
    for (std::string line; std::getline(lines, line);)
      if (words.empty() || std::any_of(words.begin(), words.end(),
                                       [&](const std::string& word) { return line.find(word) != std::string::npos; }))
        some.push_back(line);
    put("calls", "");
    return some;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace egressproof::backend::cluster
