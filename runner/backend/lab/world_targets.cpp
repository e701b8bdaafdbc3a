// The fixtures: one egressproof-target in the world, and one in each pod in which a fixture listens.
#include <algorithm>
#include <csignal>

#include "base/files.h"
#include "runner/backend/lab/await.h"
#include "runner/backend/lab/lanes.h"
#include "runner/backend/lab/parallel.h"
#include "runner/backend/lab/world.h"
#include "target/codec.h"

namespace egressproof::backend::lab {
namespace {

constexpr std::chrono::milliseconds ready_limit{10000};
constexpr const char* journal_name = "receipts.ndjson";

}  // namespace

Result<process::Child> LabWorld::start_target_in(const Netns& netns, const target::Config& config,
                                                 const std::filesystem::path& folder) const {
  target::Config placed = config;
  placed.journal = folder / journal_name;
  placed.ca_file = folder / "fixtures-ca.pem";
  const std::filesystem::path file = folder / "target.json";
  if (auto written = write_file_atomically(file, target::encode(placed)); !written)
    return tl::unexpected(written.error());
  const std::filesystem::path log_path = folder / "target.log";
  auto log = log_file(log_path, 0);
  if (!log) return tl::unexpected(log.error());
  auto command = sandboxed(netns, {"--pid", "--nice", std::to_string(target_priority)},
                           {(folder_.path() / "programs/egressproof-target").string(), "--config", file.string()});
  command.out = command.err = log->get();
  auto child = process::Child::start(command);
  if (!child) return child;
  auto ready = await(ready_limit, [&]() -> std::string {
    const std::string text = last_lines(log_path);
    if (child->ended()) return "the target ended: " + text;
    return text.find("\"ready\"") != std::string::npos ? "" : "the target's ready line";
  });
  if (!ready) return tl::unexpected(ready.error());
  return child;
}

Result<void> LabWorld::start_targets_in_pods() {
  std::vector<std::size_t> hosts;
  for (std::size_t i = 0; i < pods_.size(); ++i)
    if (pods_[i].fixture != nullptr) hosts.push_back(i);
  std::vector<std::optional<process::Child>> started(hosts.size());
  auto done = in_parallel(hosts.size(), [&](std::size_t k) -> Result<void> {
    const PodPlace& pod = pods_[hosts[k]];
    const auto key = blueprint_.keys.find(pod.fixture->name);
    if (key == blueprint_.keys.end())
      return fail(ErrorKind::internal, "fixture '" + pod.fixture->name + "' has no key");
    target::Config config;
    config.fixtures.push_back({pod.fixture->name,
                               key->second,
                               pod.fixture->addresses,
                               pod.fixture->ports,
                               false,
                               {},
                               pod.fixture->listening});
    auto child = start_target_in(pod_ns_[hosts[k]], config, pod_folder(pod));
    if (!child) return tl::unexpected(child.error());
    started[k].emplace(std::move(*child));
    return {};
  });
  for (std::size_t k = 0; k < hosts.size(); ++k)
    if (started[k]) pod_targets_.emplace(pods_[hosts[k]].name, std::move(*started[k]));
  return done;
}

Result<void> LabWorld::move_records() {
  if (!target_) return fail(ErrorKind::internal, "the world is closed");
  target_->signal(SIGUSR1);
  return await(ready_limit, [&]() -> std::string {
    if (target_->ended()) return "the target ended";
    return last_lines(folder_.path() / "target.log").find("\"records moved\"") != std::string::npos
               ? ""
               : "that the target has moved the records";
  });
}

// One journal of several: a connection's number gets its target's own range, for the evidence joins by it.
Result<target::Journal> LabWorld::receipts() {
  auto content = read_file(folder_.path() / journal_name);
  if (!content) return tl::unexpected(content.error());
  target::Journal journal = target::decode_journal(*content);
  if (!target_ || target_->ended()) journal.errors.emplace_back("egressproof-target ended during the run");
  std::uint64_t range = 0;
  for (const PodPlace& pod : pods_) {
    const auto child = pod_targets_.find(pod.name);
    if (child == pod_targets_.end()) continue;
    content = read_file(pod_folder(pod) / journal_name);
    if (!content) return tl::unexpected(content.error());
    target::Journal one = target::decode_journal(*content);
    ++range;
    for (target::Receipt& receipt : one.receipts) {
      if (receipt.connection != 0) receipt.connection += range << 32U;
      journal.receipts.push_back(std::move(receipt));
    }
    for (const std::string& error : one.errors)
      journal.errors.push_back("the target in pod " + pod.name + ": " + error);
    if (child->second.ended()) journal.errors.push_back("the target in pod " + pod.name + " ended during the run");
  }
  if (range == 0) return journal;  // in order already
  std::stable_sort(journal.receipts.begin(), journal.receipts.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return journal;
}

}  // namespace egressproof::backend::lab
