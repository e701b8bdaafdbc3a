// What is done in pods of cases before their attempts.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>

#include "base/clock.h"
#include "probe/codec.h"
#include "runner/backend/lab/capture_witness.h"
#include "runner/backend/lab/parallel.h"
#include "runner/backend/lab/world.h"
#include "runner/policy/capture_hold.h"
#include "runner/policy/capture_refusal.h"
#include "runner/policy/capture_taken.h"

namespace egressproof::backend::lab {
namespace {

using scenario::PodAct;
using std::chrono::milliseconds;

constexpr milliseconds act_limit{10000};
constexpr milliseconds poll_every{10};
constexpr int agent_port = 15020;
constexpr int envoy_port = 15000;
constexpr int tenant_backlog = 64;  // nobody accepts: connections beyond it would be losses of the kernel

// A request of the tenant to its own pod's loopback.
probe::Attempt post(int port, const std::string& path) {
  probe::Attempt attempt;
  attempt.sequence = 1;
  attempt.id = "act" + path;
  attempt.nonce = std::string(32, '0');
  attempt.protocol = probe::Protocol::http1;
  attempt.address = "127.0.0.1";
  attempt.port = static_cast<std::uint16_t>(port);
  attempt.host = "localhost";
  attempt.method = "POST";
  attempt.path = path;
  return attempt;
}

// Whether after all that the pod's proxy is none that runs and takes configuration.
bool ends_out_of_service(const std::vector<PodAct>& first) {
  bool out = false;
  bool lost = false;
  for (const PodAct one : first) {
    if (one == PodAct::lose_istiod) lost = true;
    if (one != PodAct::flush_rules) out = one != PodAct::start_proxy;
  }
  return out || lost;
}

// Whether the kernel of the pod refuses connections to the capture port.
Result<bool> nobody_listens(const Netns& netns) {
  const auto socket = netns.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!socket) return tl::unexpected(socket.error());
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(capture_port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return false;
  return errno == ECONNREFUSED;
}

}  // namespace

Result<void> LabWorld::act(const ProbePlace& place, PodAct act) {
  const PodPlace& pod = pods_[place.pod];
  switch (act) {
    case PodAct::hold_proxy:
      return {};  // start_proxies() left it out
    case PodAct::flush_rules:
      return flush_rules(place);
    case PodAct::stop_proxy:
      proxy_of(pod).signal(SIGTERM);
      return await_refusal(place);
    case PodAct::quit_agent:
      return ask(place, agent_port, "/quitquitquit");
    case PodAct::quit_envoy:
      return ask(place, envoy_port, "/quitquitquit");
    case PodAct::drain_listeners:
      return ask(place, envoy_port, "/drain_listeners");
    case PodAct::kill_proxy:
      return kill_proxy(place);
    case PodAct::start_proxy:
      return restart_proxy(place);
    case PodAct::lose_istiod:
      return lose_istiod(place);
    case PodAct::take_capture_port:
      return take_capture_port(place);
  }
  return {};
}

// With the capability it must succeed, and without it be refused: anything else would prove nothing. Rules are those of
// nftables or of the older tables, as istio-iptables chose; a tenant tries both.
Result<void> LabWorld::flush_rules(const ProbePlace& place) const {
  std::vector<std::string> flags{"--uid", std::to_string(place.uid), "--gid", std::to_string(place.gid)};
  for (const std::string& capability : place.capabilities) flags.insert(flags.end(), {"--capability", capability});
  const bool may =
      std::find(place.capabilities.begin(), place.capabilities.end(), "NET_ADMIN") != place.capabilities.end();
  bool tried = false;
  for (const char* program : {"iptables-nft", "iptables-legacy"}) {
    process::Command command = sandboxed(pod_ns_[place.pod], flags, {program, "-t", "nat", "-F"});
    command.env["XTABLES_LOCKFILE"] = "/dev/null";
    const auto done = process::run(command, act_limit);
    if (!done) return tl::unexpected(done.error());
    if (done->err.find("No such file") != std::string::npos) continue;  // not installed
    tried = true;
    const auto* exited = std::get_if<process::Exited>(&done->how);
    const bool refused =
        done->err.find("ermission") != std::string::npos || done->err.find("permitted") != std::string::npos;
    if (exited == nullptr || (may ? exited->code != 0 : exited->code == 0 || !refused))
      return fail(ErrorKind::environment, std::string(program) + " -t nat -F: " + to_string(done->how) + ", wanted " +
                                              (may ? "success: " : "a refusal: ") + done->err);
  }
  if (!tried) return fail(ErrorKind::environment, "there is no iptables to flush the rules with");
  return {};
}

Result<void> LabWorld::ask(const ProbePlace& place, int port, const std::string& path) {
  auto results =
      exchange(probes_, {{place.name, {post(port, path)}}}, "act/" + place.name + path, {{place.name, 1}}, act_limit);
  const probe::BatchResult& told = results[place.name];
  const auto seen = told.observations.find(1);
  if (seen == told.observations.end())
    return fail(ErrorKind::environment,
                "POST " + path + ": " + (told.errors.empty() ? "no answer" : told.errors.front()));
  if (seen->second.http_status != 200)
    return fail(ErrorKind::environment, "POST " + path + ": " + to_string(seen->second.code) + ", status " +
                                            std::to_string(seen->second.http_status.value_or(0)));
  return await_refusal(place);
}

Result<void> LabWorld::await_refusal(const ProbePlace& place) const {
  const auto deadline = std::chrono::steady_clock::now() + act_limit;
  for (;;) {
    const auto refused = nobody_listens(pod_ns_[place.pod]);
    if (!refused) return tl::unexpected(refused.error());
    if (*refused) return {};
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(ErrorKind::environment,
                  "somebody still listens on port 15001 after " + std::to_string(act_limit.count()) + " ms");
    ::poll(nullptr, 0, static_cast<int>(poll_every.count()));
  }
}

// No uid is asked for a port of this number: what the runner opens is what any process of the tenant could. Nothing is
// accepted: the kernel makes the connection, and the client waits for an answer in vain.
Result<void> LabWorld::take_capture_port(const ProbePlace& place) {
  const Netns& netns = pod_ns_[place.pod];
  auto socket = netns.socket(AF_INET, SOCK_STREAM, 0);
  if (!socket) return tl::unexpected(socket.error());
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_port = htons(capture_port);
  own.sin_addr.s_addr = htonl(INADDR_ANY);
  // What is left of the proxy's connections does not hold a tenant up; whoever listens there, the proxy above all,
  // does.
  const int reuse = 1;
  if (::setsockopt(socket->get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) != 0 ||
      ::bind(socket->get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
      ::listen(socket->get(), tenant_backlog) != 0)
    return tl::unexpected(system_error(ErrorKind::environment, "port 15001 of the pod for the tenant"));
  // Only now: what answers there from here on is not the proxy.
  if (auto watched = run_in(netns, nft_load_arguments(), capture_taken_ruleset()); !watched) return watched;
  const std::lock_guard lock(proxies_mutex_);
  taken_ports_.insert_or_assign(place.pod, std::move(*socket));
  return {};
}

std::map<std::string, std::vector<std::string>> LabWorld::act_first(
    const std::map<std::string, std::vector<probe::Attempt>>& batches) {
  std::vector<const ProbePlace*> acting;
  for (const ProbePlace& place : probe_places_) {
    const PodPlace& pod = pods_[place.pod];
    if (!pod.tenant || batches.count(place.name) == 0 || !acted_.insert(place.name).second) continue;
    acting.push_back(&place);
    const std::lock_guard lock(proxies_mutex_);
    for (const PodAct one : pod.tenant->first)
      if (one != PodAct::flush_rules) out_of_service_.insert(pod.name);
  }
  std::vector<std::vector<std::string>> errors(acting.size());
  static_cast<void>(in_parallel(acting.size(), [&](std::size_t i) -> Result<void> {
    const PodPlace& pod = pods_[acting[i]->pod];
    for (const PodAct one : pod.tenant->first)
      if (auto done = act(*acting[i], one); !done) errors[i].push_back("before the attempt: " + done.error().message);
    const std::lock_guard lock(proxies_mutex_);
    if (errors[i].empty() && !ends_out_of_service(pod.tenant->first)) out_of_service_.erase(pod.name);
    return {};
  }));
  std::map<std::string, std::vector<std::string>> by_probe;
  for (std::size_t i = 0; i < acting.size(); ++i) by_probe[acting[i]->name] = std::move(errors[i]);
  return by_probe;
}

Result<std::vector<policy::MeshRecord>> LabWorld::capture_refusals(std::size_t pod) const {
  if (!watches_capture(pods_[pod])) return std::vector<policy::MeshRecord>();
  return kernel_records(pod, capture_refusals_arguments(), policy::capture_refusal);
}

Result<std::vector<policy::MeshRecord>> LabWorld::taken_connections(std::size_t pod) const {
  if (!taken_ports_.contains(pod)) return std::vector<policy::MeshRecord>();
  return kernel_records(pod, capture_taken_arguments(), policy::capture_taken);
}

Result<std::vector<policy::MeshRecord>> LabWorld::kernel_records(std::size_t pod, const std::vector<std::string>& list,
                                                                 const char* details) const {
  const auto listing = output_in(pod_ns_[pod], list);
  if (!listing) return tl::unexpected(listing.error());
  const auto found = parse_nft_drops(*listing, clock_now(), "inet");
  if (!found) return tl::unexpected(found.error());
  return capture_records(*found, pods_[pod], details);
}

Result<void> LabWorld::watch_silent(const std::map<std::string, std::vector<probe::Attempt>>& batches) {
  std::set<std::size_t> fresh;
  for (const ProbePlace& place : probe_places_) {
    const auto batch = batches.find(place.name);
    if (batch != batches.end() && place.captured && watched_silent_.count(place.pod) == 0 &&
        std::any_of(batch->second.begin(), batch->second.end(), probe::is_silent))
      fresh.insert(place.pod);
  }
  const std::vector<std::size_t> pods(fresh.begin(), fresh.end());
  auto loaded = in_parallel(pods.size(), [&](std::size_t i) {
    return run_in(pod_ns_[pods[i]], nft_load_arguments(), capture_holds_ruleset());
  });
  if (loaded) watched_silent_.insert(pods.begin(), pods.end());
  return loaded;
}

Result<std::vector<policy::MeshRecord>> LabWorld::held_connections(std::size_t pod) const {
  if (watched_silent_.count(pod) == 0) return std::vector<policy::MeshRecord>();
  auto records = kernel_records(pod, capture_holds_arguments(), policy::capture_hold);
  // Of all others the proxy's own log tells.
  if (records)
    std::erase_if(*records, [&](const auto& one) {
      return silent_ends_.count({one.downstream, one.destination}) == 0;
    });
  return records;
}

Result<void> LabWorld::end_refused(std::map<std::string, probe::BatchResult>& results) const {
  for (const ProbePlace& place : probe_places_) {
    const auto result = results.find(place.name);
    if (result == results.end() || !watches_capture(pods_[place.pod])) continue;
    const auto records = capture_refusals(place.pod);
    if (!records) return tl::unexpected(records.error());
    std::map<std::string, std::vector<probe::Observation*>> refused;  // by destination
    for (auto& [sequence, seen] : result->second.observations)
      if (seen.code == probe::Code::connect_refused && seen.local.empty()) refused[seen.peer].push_back(&seen);
    for (const auto& [peer, attempts] : refused) {
      const auto is_there = [&](const policy::MeshRecord& one) { return one.destination == peer; };
      if (attempts.size() == 1 && std::count_if(records->begin(), records->end(), is_there) == 1)
        attempts.front()->local = std::find_if(records->begin(), records->end(), is_there)->downstream;
    }
  }
  return {};
}

bool LabWorld::watches_capture(const PodPlace& pod) const {
  const InjectedPod* made = injected(pod);
  return made != nullptr && !made->init.empty() && !pod.tenant->first.empty();
}

}  // namespace egressproof::backend::lab
