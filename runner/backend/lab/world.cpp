#include "runner/backend/lab/world.h"

#include <poll.h>
#include <sys/utsname.h>

#include <algorithm>

#include "base/files.h"
#include "runner/backend/lab/access_log.h"
#include "runner/backend/lab/http.h"

namespace egressproof::backend::lab {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds barrier_limit{20000};
constexpr milliseconds poll_every{10};
// pilot-agent starts Envoy with --file-flush-interval-msec 1000 (pkg/envoy/proxy.go).
constexpr milliseconds log_flush_limit{3000};

policy::TimePoint now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
}

std::string proxy_id_of(const PodPlace& pod) { return "probe-" + pod.ns + "." + pod.ns; }

}  // namespace

Result<std::vector<ProxyStatus>> LabWorld::proxy_status() const {
  const auto reply = http_get(*istiod_ns_, "http://127.0.0.1:8080/debug/syncz");
  if (!reply) return tl::unexpected(reply.error());
  return parse_syncz(reply->body);
}

Result<std::string> LabWorld::barrier_gap(std::uint64_t after, const std::string& cluster) const {
  const auto status = proxy_status();
  if (!status) return status.error().message;
  const auto rejected = rejections(*status);
  if (!rejected.empty()) return fail(ErrorKind::environment, rejected.front());
  std::vector<std::string> expected;
  for (const PodPlace& pod : pods_)
    if (pod.meshed) expected.push_back(proxy_id_of(pod));
  if (std::string gap = unacknowledged(*status, expected, after); !gap.empty()) return gap;
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    if (!pods_[i].meshed) continue;
    const auto dump = http_get(pod_ns_[i], "http://127.0.0.1:15000/config_dump");
    if (!dump) return "pod " + pods_[i].name + ": " + dump.error().message;
    if (std::string gap = not_active(dump->body, cluster); !gap.empty()) return "pod " + pods_[i].name + ": " + gap;
  }
  return std::string();
}

// The barrier of docs/lab.md: the store holds the generation, then a forced push of everything is acknowledged by every
// proxy, then every Envoy uses it.
Result<policy::Applied> LabWorld::apply(const policy::Generation& generation,
                                        const std::function<void()>& while_waiting) {
  policy::Applied applied;
  applied.generation = generation.number;
  const std::filesystem::path staged = folder_.path() / "generation.yaml";
  const std::string content = generation.manifests + marker_manifests(generation.number, pods_);
  if (auto written = write_file_atomically(staged, content); !written) return tl::unexpected(written.error());
  applied.applied_at = now();
  const auto reload_failures = [&]() -> std::string {
    // istiod keeps its whole old state when one document is bad, and says so only in its log.
    const auto log = read_file(folder_.path() / "istiod.log");
    const std::size_t at = log ? log->find("unable to reload file configuration", log_seen_) : std::string::npos;
    return at == std::string::npos ? "" : log->substr(at, log->find('\n', at) - at);
  };
  log_seen_ = read_file(folder_.path() / "istiod.log").value_or("").size();
  std::filesystem::rename(staged, folder_.path() / "config" / "generation.yaml");

  const auto deadline = Clock::now() + barrier_limit;
  std::string awaited;
  const auto late = [&] { return Clock::now() >= deadline; };
  const auto give_up = [&]() -> Result<policy::Applied> {
    return fail(ErrorKind::environment, "generation " + std::to_string(generation.number) +
                                            " was not acknowledged within " + std::to_string(barrier_limit.count()) +
                                            " ms; awaited: " + awaited);
  };
  for (;;) {
    const auto store = http_get(*istiod_ns_, "http://127.0.0.1:8080/debug/configz");
    const bool meshed = std::any_of(pods_.begin(), pods_.end(), [](const PodPlace& pod) { return pod.meshed; });
    if (!meshed || (store && store->body.find(marker_host(generation.number)) != std::string::npos)) break;
    awaited = "the generation in istiod's store (/debug/configz)";
    if (const std::string refused = reload_failures(); !refused.empty())
      return fail(ErrorKind::environment,
                  "istiod refused generation " + std::to_string(generation.number) + ": " + refused);
    if (late()) return give_up();
    if (while_waiting) while_waiting();
    ::poll(nullptr, 0, static_cast<int>(poll_every.count()));
  }
  const auto before = proxy_status();
  if (!before) return tl::unexpected(before.error());
  const std::uint64_t after = highest_push(*before);
  if (auto written = write_file_atomically(folder_.path() / "mesh.yaml", mesh_config(++bump_)); !written)
    return tl::unexpected(written.error());
  for (;;) {
    auto gap = barrier_gap(after, marker_cluster(generation.number));
    if (!gap) return tl::unexpected(gap.error());
    if (gap->empty()) break;
    awaited = *gap;
    if (late()) return give_up();
    if (while_waiting) while_waiting();
    ::poll(nullptr, 0, static_cast<int>(poll_every.count()));
  }
  applied.acknowledged_at = now();
  const auto status = proxy_status();
  applied.because = "push " + std::to_string(status ? highest_push(*status) : after) + " acknowledged by all " +
                    std::to_string(proxies_.size()) + " proxies, nothing rejected or warming";
  return applied;
}

Result<std::map<std::string, probe::BatchResult>> LabWorld::attempt(
    const std::map<std::string, std::vector<probe::Attempt>>& batches) {
  std::size_t largest = 0;
  for (const auto& [pod, attempts] : batches) largest = std::max(largest, attempts.size());
  constexpr int parallel = 32;
  // Each attempt ends by its own limits; the whole may take as long as all of them one after another in `parallel`
  // lanes.
  const milliseconds limit = milliseconds(20000) + milliseconds(12000) * (largest / parallel);
  auto results = exchange(probes_, batches, "b" + std::to_string(++batches_), parallel, limit);
  for (const auto& [pod, result] : results)
    for (const auto& [sequence, seen] : result.observations)
      if (!seen.local.empty() && seen.finished_at >= last_seen_[pod].finished_at) last_seen_[pod] = seen;
  return results;
}

Result<target::Journal> LabWorld::receipts() {
  auto content = read_file(folder_.path() / "receipts.ndjson");
  if (!content) return tl::unexpected(content.error());
  target::Journal journal = target::decode_journal(*content);
  if (target_->ended()) journal.errors.push_back("egressproof-target ended during the run");
  return journal;
}

Result<std::vector<policy::MeshRecord>> LabWorld::mesh_records() {
  const auto deadline = Clock::now() + log_flush_limit;
  for (;;) {
    std::vector<policy::MeshRecord> all;
    bool complete = true;
    for (const PodPlace& pod : pods_) {
      if (!pod.meshed) continue;
      auto content = read_file(pod_folder(pod) / "access.log");
      if (!content) return tl::unexpected(content.error());
      AccessLog log = parse_access_log(pod.name, *content);
      if (log.malformed > 0)
        return fail(ErrorKind::environment, "the access log of pod " + pod.name + " has malformed records");
      // The log is written in order: once the newest attempt shows, all before it do.
      const auto last = last_seen_.find(pod.name);
      complete =
          complete && (last == last_seen_.end() || last->second.local.empty() ||
                       std::any_of(log.records.begin(), log.records.end(), [&](const policy::MeshRecord& record) {
                         return record.downstream == last->second.local;
                       }));
      all.insert(all.end(), log.records.begin(), log.records.end());
    }
    if (complete || Clock::now() >= deadline) return all;
    ::poll(nullptr, 0, 50);
  }
}

std::vector<std::string> LabWorld::health() {
  std::vector<std::string> problems;
  if (istiod_->ended()) problems.emplace_back("istiod ended");
  if (target_->ended()) problems.emplace_back("egressproof-target ended");
  for (auto& [pod, proxy] : proxies_)
    if (proxy.ended()) problems.push_back("the proxy of pod " + pod + " ended");
  const auto status = proxy_status();
  if (!status)
    problems.push_back(status.error().message);
  else
    for (std::string& rejected : rejections(*status)) problems.push_back(std::move(rejected));
  return problems;
}

std::map<std::string, std::vector<std::string>> LabWorld::pod_addresses() {
  std::map<std::string, std::vector<std::string>> addresses;
  for (const PodPlace& pod : pods_) addresses[pod.name] = {pod.address};
  return addresses;
}

Versions LabWorld::versions() {
  Versions versions;
  utsname system{};
  if (::uname(&system) == 0) versions["kernel"] = system.release;
  for (const auto& [name, argv] : {std::pair<const char*, std::vector<std::string>>{"envoy", {"envoy", "--version"}},
                                   {"istio", {"pilot-agent", "version", "--short"}}}) {
    process::Command command;
    command.argv = argv;
    command.argv[0] = (settings_.toolchain / argv[0]).string();
    auto told = process::run_checked(command, milliseconds(5000));
    if (!told) continue;
    std::string text = *told;
    text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
    const std::size_t colon = text.find("version:");
    versions[name] = colon == std::string::npos ? text : text.substr(colon + 9);
  }
  return versions;
}

Result<void> LabWorld::close() {
  if (blueprint_.keep) folder_.keep();
  // SIGKILL by the owners' destructors: every process is in a PID namespace of the run, and nobody needs to drain.
  probes_.clear();
  proxies_.clear();
  if (target_) target_->stop(milliseconds(500));
  istiod_.reset();
  return {};
}

}  // namespace egressproof::backend::lab
