#include "runner/backend/cluster/ownership.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <set>

#include "base/files.h"
#include "runner/backend/cluster/core_dns.h"
#include "runner/backend/cluster/objects.h"
#include "runner/process/start_time.h"

namespace egressproof::backend::cluster {
namespace {

constexpr std::int64_t silent_limit_s = 60;
constexpr std::chrono::seconds renew_every{15};
constexpr const char* process_annotation = "egressproof.dev/process";
constexpr const char* renewed_annotation = "egressproof.dev/renewed";
constexpr const char* kept_annotation = "egressproof.dev/kept";

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

std::string machine() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "/" + trimmed(read_file("/proc/sys/kernel/random/boot_id").value_or(""));
}

Result<std::vector<Json>> namespaces_of_runs(const Kubectl& kubectl) {
  const auto list = kubectl.get({"namespaces", "--selector", run_label});
  if (!list) return tl::unexpected(list.error());
  return list->value("items", Json::array()).get<std::vector<Json>>();
}

}  // namespace

std::string this_process() {
  return machine() + "/" + std::to_string(::getpid()) + "/" + process::start_time(::getpid());
}

bool is_over(const Holder& holder, std::int64_t now) {
  if (holder.kept || now - holder.renewed_s > silent_limit_s) return true;
  const std::string here = machine() + "/";
  if (holder.process.compare(0, here.size(), here) != 0) return false;  // of another machine: only its silence tells
  const std::string own = holder.process.substr(here.size());           // "pid/start time"
  const std::size_t slash = own.find('/');
  return slash == std::string::npos || process::start_time(std::atoi(own.c_str())) != own.substr(slash + 1);
}

Result<Holder> holder_of(const Json& ns) {
  const Json metadata = ns.value("metadata", Json::object());
  const Json labels = metadata.value("labels", Json::object());
  const Json annotations = metadata.value("annotations", Json::object());
  if (!labels.contains(run_label))
    return fail(ErrorKind::environment, "namespace '" + metadata.value("name", "") +
                                            "' is there and is not of a run of egressproof (it has no label " +
                                            run_label + "); rename it, or use another cluster");
  Holder holder;
  holder.run_id = labels.at(run_label);
  holder.process = annotations.value(process_annotation, "");
  holder.renewed_s = std::strtoll(annotations.value(renewed_annotation, "0").c_str(), nullptr, 10);
  holder.kept = annotations.contains(kept_annotation);
  return holder;
}

Result<int> remove_runs(const Kubectl& kubectl) {
  if (auto removed = remove_stub_domain(kubectl); !removed) return tl::unexpected(removed.error());
  const auto namespaces = namespaces_of_runs(kubectl);
  if (!namespaces) return tl::unexpected(namespaces.error());
  std::vector<Json> objects;
  for (const Json& ns : *namespaces)
    objects.push_back({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns["metadata"]["name"]}}}});
  if (objects.empty()) return 0;
  // A namespace that is going makes no new pods; then nobody needs to drain, which a Knative pod would do for long.
  if (auto begun = kubectl.remove(objects, false); !begun) return tl::unexpected(begun.error());
  for (const Json& ns : objects) {
    const std::string name = ns["metadata"]["name"];
    // What is gone already is no error.
    (void)kubectl.run(
        {"delete", "pods", "--all", "--namespace", name, "--grace-period", "0", "--force", "--wait=false"});
  }
  if (auto gone = kubectl.remove(objects, true); !gone) return tl::unexpected(gone.error());
  return static_cast<int>(objects.size());
}

Ownership::Ownership(Kubectl kubectl, std::string run_id) : kubectl_(std::move(kubectl)), run_id_(std::move(run_id)) {
  renewal_ = std::thread([this] { renew(); });
}

Ownership::~Ownership() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  renewal_.join();
}

void Ownership::renew() {
  std::unique_lock lock(mutex_);
  std::int64_t told = now_s();
  while (!wake_.wait_for(lock, renew_every, [&] { return stop_; })) {
    lock.unlock();
    const auto ns = kubectl_.get({"namespace", targets_namespace});
    const auto holder = ns ? holder_of(*ns) : tl::unexpected(ns.error());
    std::string lost;
    if (holder && holder->run_id != run_id_)
      lost = "run " + holder->run_id + " took the cluster from this one";
    else if (holder && kubectl_.run({"annotate", "--overwrite", "namespace", targets_namespace,
                                     std::string(renewed_annotation) + "=" + std::to_string(now_s())}))
      told = now_s();
    if (lost.empty() && now_s() - told > silent_limit_s)
      lost = "the cluster could not be told for " + std::to_string(now_s() - told) + " s that this run lives";
    lock.lock();
    lost_ = lost;
  }
}

std::string Ownership::lost() {
  const std::lock_guard lock(mutex_);
  return lost_;
}

Result<void> Ownership::keep() {
  const auto kept =
      kubectl_.run({"annotate", "--overwrite", "namespace", targets_namespace, std::string(kept_annotation) + "=true"});
  if (!kept) return tl::unexpected(kept.error());
  return {};
}

Result<std::unique_ptr<Ownership>> Ownership::take(const Kubectl& kubectl, const std::string& run_id,
                                                   const std::vector<std::string>& namespaces,
                                                   const Progress& progress) {
  const auto all = kubectl.get({"namespaces"});
  if (!all) return tl::unexpected(all.error());
  const std::set<std::string> wanted(namespaces.begin(), namespaces.end());
  bool left = false;
  for (const Json& ns : all->value("items", Json::array())) {
    const std::string name = ns["metadata"]["name"];
    const bool of_a_run = ns["metadata"].value("labels", Json::object()).contains(run_label);
    if (!of_a_run && wanted.count(name) == 0 && name != targets_namespace) continue;
    const auto holder = holder_of(ns);
    if (!holder) return tl::unexpected(holder.error());
    left = true;
    if (name == targets_namespace && !is_over(*holder, now_s()))
      return fail(ErrorKind::environment,
                  "run " + holder->run_id + " (" + holder->process + ") uses this cluster, and said so " +
                      std::to_string(now_s() - holder->renewed_s) + " s ago; one run at a time");
  }
  if (left && progress) progress("removing what an earlier run left");
  if (auto removed = remove_runs(kubectl); !removed) return tl::unexpected(removed.error());
  Common common;
  common.run_id = run_id;
  Json lock = namespace_object(targets_namespace, false, common);
  lock["metadata"]["annotations"] = {{process_annotation, this_process()},
                                     {renewed_annotation, std::to_string(now_s())}};
  // create, not apply: of two runs that begin at once one must lose.
  if (auto created = kubectl.run({"create", "--filename", "-"}, lock.dump()); !created)
    return tl::unexpected(created.error());
  return std::unique_ptr<Ownership>(new Ownership(kubectl, run_id));
}

}  // namespace egressproof::backend::cluster
