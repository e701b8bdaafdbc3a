#include "runner/backend/lab/world.h"

#include <poll.h>
#include <sys/utsname.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/files.h"
#include "runner/backend/lab/lanes.h"
#include "runner/backend/lab/parallel.h"

namespace egressproof::backend::lab {
namespace {

using Ends = std::pair<std::string, std::string>;  // the probe's, and what it dialled
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Envoy writes a record at the end of its stream or connection, and its file at each flush interval (mesh_config.cpp).
constexpr milliseconds log_limit{1500};
constexpr milliseconds close_limit{2000};

// Where Istio's inbound clusters bind (UpstreamInboundPassthroughCluster): the mark of what a sidecar let in.
constexpr const char* inbound_source = "127.0.0.6";

// What egressproof-sandbox takes for "kill all, and end when they are gone".
constexpr int end_of_sandbox = SIGHUP;

// Whether a proxy that captures the probe's connections has seen this one: it captures IPv4 (docs/lab.md), and what
// stays within the pod is not its business.
bool through_proxy(const Ends& ends) {
  const auto host = [](const std::string& end) { return end.substr(0, end.rfind(':')); };
  return !ends.first.empty() && ends.first.front() != '[' && host(ends.first) != host(ends.second);
}

}  // namespace

// The probes' signal; a batch that is over has nothing left to end.
void LabWorld::end_ticks(const std::set<std::string>& probes) {
  for (const std::string& name : probes)
    if (const auto link = probes_.find(name); link != probes_.end()) link->second.child().signal(SIGUSR1);
}

Result<std::map<std::string, probe::BatchResult>> LabWorld::attempt(
    const std::map<std::string, std::vector<probe::Attempt>>& batches) {
  const auto lanes = lanes_of(batches, in_flight_a_processor * static_cast<int>(std::thread::hardware_concurrency()));
  std::unique_lock lock(attempt_mutex_);
  if (auto watched = watch_silent(batches); !watched) return tl::unexpected(watched.error());
  const std::map<std::string, std::vector<std::string>> act_errors = act_first(batches);
  const std::string name = "b" + std::to_string(++batches_);
  lock.unlock();
  auto results = exchange(probes_, batches, name, lanes, limit_of(batches, lanes));
  lock.lock();
  if (auto ended = end_refused(results); !ended) return tl::unexpected(ended.error());
  for (const auto& [probe, errors] : act_errors)
    results[probe].errors.insert(results[probe].errors.end(), errors.begin(), errors.end());
  for (const ProbePlace& place : probe_places_) {
    const auto result = results.find(place.name);
    if (result == results.end()) continue;
    for (const probe::Attempt& sent : batches.at(place.name)) {
      const auto found = result->second.observations.find(sent.sequence);
      if (found == result->second.observations.end()) continue;
      const probe::Observation& seen = found->second;
      const Ends ends{without_v4_mapping(seen.local), without_v4_mapping(seen.peer)};
      if (!seen.local.empty()) ++seen_ends_[ends];
      const bool unanswered = probe::is_silent(sent) && seen.code != probe::Code::ok;
      if (unanswered) silent_ends_.insert(ends);
      // No proxy logs a datagram, and none has to log whom it holds.
      if (!place.captured || probe::sends_datagrams(sent.protocol) || unanswered || !through_proxy(ends)) continue;
      ++expected_[pods_[place.pod].name][ends];
      newest_expected_ = std::max(newest_expected_, seen.finished_at);
    }
  }
  return results;
}

Result<std::vector<policy::MeshRecord>> LabWorld::mesh_records() {
  for (;;) {
    // Asked before reading: what is written in between is not taken for missing.
    const bool late = clock_now() - newest_expected_ >= log_limit;
    bool complete = true;
    for (auto& [pod, reader] : logs_) {
      if (auto read = reader.read_on(); !read) return tl::unexpected(read.error());
      complete = complete && mesh::without_record(expected_[pod], reader.records()) == 0;
    }
    for (auto& [pod, reader] : outputs_)
      if (auto read = reader.read_on(); !read) return tl::unexpected(read.error());
    if (complete || late) break;
    ::poll(nullptr, 0, 10);
  }
  std::vector<policy::MeshRecord> all;
  for (const PodPlace& pod : pods_)
    for (const auto* readers : {&logs_, &outputs_})
      if (const auto reader = readers->find(pod.name); reader != readers->end())
        all.insert(all.end(), reader->second.records().begin(), reader->second.records().end());
  const auto dropped = dropped_packets();
  if (!dropped) return tl::unexpected(dropped.error());
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    for (const auto& found : {capture_refusals(i), taken_connections(i), held_connections(i)}) {
      if (!found) return tl::unexpected(found.error());
      all.insert(all.end(), found->begin(), found->end());
    }
  }
  std::vector<policy::MeshRecord> drops = drop_records(*dropped, pods_, seen_ends_, all);
  all.insert(all.end(), std::make_move_iterator(drops.begin()), std::make_move_iterator(drops.end()));
  return all;
}

std::map<std::string, KernelCounters> LabWorld::kernel_counters() const {
  std::map<std::string, KernelCounters> counters;
  const auto read = [&](const std::string& where, const Netns& netns) {
    const auto netstat = netns.read_proc("netstat");
    const auto conntrack = netns.read_proc("stat/nf_conntrack");
    const auto snmp = netns.read_proc("snmp");
    if (netstat && snmp) counters[where] = parse_kernel_counters(*netstat + *snmp, conntrack.value_or(""));
  };
  if (world_ns_) read("the world of fixtures", *world_ns_);
  if (istiod_ns_) read("istiod's namespace", *istiod_ns_);
  for (std::size_t i = 0; i < pods_.size(); ++i) read("pod " + pods_[i].name, pod_ns_[i]);
  return counters;
}

std::vector<std::string> LabWorld::health() {
  std::vector<std::string> problems;
  const auto check = [&](const std::string& what, std::optional<process::Termination> ended) {
    if (ended) problems.push_back(what + " ended: " + process::to_string(*ended));
  };
  if (!istiod_ || !target_) return {"the world is closed"};
  check("istiod", istiod_->ended());
  check("egressproof-target", target_->ended());
  for (auto& [pod, target] : pod_targets_) check("egressproof-target in pod " + pod, target.ended());
  for (auto& [pod, proxy] : proxies_)
    if (out_of_service_.count(pod) == 0) check("the proxy of pod " + pod, proxy.ended());
  for (auto& [name, link] : probes_) check("the probe " + name, link.child().ended());
  const auto status = proxy_status();
  if (!status)
    problems.push_back(status.error().message);
  else
    for (std::string& rejected : mesh::rejections(*status)) problems.push_back(std::move(rejected));
  for (std::string& problem : network_policy_problems()) problems.push_back(std::move(problem));
  for (const auto& [where, counters] : kernel_counters())
    for (std::string& loss : kernel_losses(where, kernel_at_open_[where], counters))
      problems.push_back(std::move(loss));
  return problems;
}

std::map<std::string, std::vector<std::string>> LabWorld::pod_addresses() {
  std::map<std::string, std::vector<std::string>> addresses;
  const auto put = [&](const std::string& name, const PodPlace& pod) {
    addresses[name] = {pod.address};
    if (!pod.address6.empty()) addresses[name].push_back(pod.address6);
  };
  for (const ProbePlace& place : probe_places_) put(place.name, pods_[place.pod]);
  addresses[plan::istiod_end] = {istiod_address};
  for (const PodPlace& pod : pods_)
    if (pod.router) put(pod.name, pod);
  for (const PodPlace& pod : pods_)
    if (pod.fixture != nullptr) addresses[plan::inbound_end(pod.name)] = {inbound_source};
  for (const scenario::Fixture& fixture : blueprint_.suite.fixtures)
    if (!fixture.relays_to.empty()) addresses[plan::relay_end(fixture.name)] = {fixture.addresses.front()};
  return addresses;
}

std::map<std::string, int> LabWorld::pod_processes() {
  std::map<std::string, int> processes;
  for (const PodPlace& pod : pods_)
    if (const auto link = probes_.find(pod.name); link != probes_.end())
      processes[pod.name] = link->second.child().pid();
  return processes;
}

Versions LabWorld::versions() {
  Versions versions;
  utsname system{};
  if (::uname(&system) == 0) versions["kernel"] = system.release;
  struct Question {
    const char* name;
    std::vector<std::string> argv;
    std::string answer;
  };
  Question questions[] = {{"envoy", {"envoy", "--version"}, {}},
                          {"istio", {"pilot-agent", "version", "--short"}, {}},
                          {"iptables", {"iptables", "--version"}, {}}};
  const auto asked = in_parallel(std::size(questions), [&](std::size_t i) -> Result<void> {
    process::Command command;
    command.argv = questions[i].argv;
    std::error_code code;
    const auto ours = settings_.toolchain / command.argv[0];
    if (std::filesystem::exists(ours, code)) command.argv[0] = ours.string();
    auto told = process::run_checked(command, milliseconds(5000));
    if (!told) return tl::unexpected(told.error());
    questions[i].answer = std::move(*told);
    return {};
  });
  if (!asked) versions["unknown"] = to_string(asked.error());
  for (Question& question : questions) {
    std::string& text = question.answer;
    text.erase(std::remove(text.begin(), text.end(), '\n'), text.end());
    const std::size_t colon = text.find("version:");
    if (!text.empty()) versions[question.name] = colon == std::string::npos ? text : text.substr(colon + 9);
  }
  return versions;
}

Result<void> LabWorld::close() {
  if (blueprint_.keep) folder_.keep();
  // Nobody needs to drain, but the target writes the end of its journal. All are told before any is waited for.
  std::vector<process::Child*> children;
  if (istiod_) children.push_back(&*istiod_);
  for (auto& [pod, proxy] : proxies_) children.push_back(&proxy);
  for (auto& [name, link] : probes_) children.push_back(&link.child());
  for (process::Child* child : children) child->signal(end_of_sandbox);
  if (target_) target_->stop(milliseconds(500));
  for (auto& [pod, target] : pod_targets_) target.stop(milliseconds(500));
  bool all = true;
  const auto deadline = std::chrono::steady_clock::now() + close_limit;
  for (process::Child* child : children) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    all = child->wait(left).has_value() && all;
  }
  probes_.clear();  // SIGKILL to what did not end
  proxies_.clear();
  pod_targets_.clear();
  istiod_.reset();
  if (!all)
    return fail(ErrorKind::environment, "processes of the lab did not end within " +
                                            std::to_string(close_limit.count()) + " ms and were killed");
  return {};
}

LabWorld::~LabWorld() {
  if (auto closed = LabWorld::close(); !closed) folder_.keep();
}

}  // namespace egressproof::backend::lab
