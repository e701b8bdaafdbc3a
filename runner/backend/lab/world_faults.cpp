// What is done to the proxies of pods of cases: they die, come again, and lose istiod.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "base/files.h"
#include "runner/backend/lab/await.h"
#include "runner/backend/lab/http.h"
#include "runner/backend/lab/istiod_cut.h"
#include "runner/backend/lab/world.h"

namespace egressproof::backend::lab {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds fault_limit{20000};
// On a kernel without SOCK_DESTROY the connection ends with the next segment that the pod sends on it, at the latest
// the answer to istiod's keepalive, which comes every 30 s.
constexpr milliseconds lost_limit{45000};
// What istiod says of all proxies is long, and a counter costs a process in a mount namespace of its own: pods of cases
// that ask for them all the time, side by side, would slow down all other acts.
constexpr milliseconds seldom{100};
constexpr milliseconds query_limit{1000};
constexpr const char* ready_url = "http://127.0.0.1:15021/healthz/ready";
constexpr const char* envoy_state_url = "http://127.0.0.1:15000/ready";

bool same_file(const std::string& one, const std::string& other) {
  struct stat first {};
  struct stat second {};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

bool is_envoy_of(const std::string& process, const Netns& netns) {
  const auto name = read_file(process + "/comm");
  return name && *name == "envoy\n" && same_file(process + "/ns/net", netns.path());
}

// SIGKILL to the Envoy in the namespace. Held by a descriptor, so that its number cannot be another's meanwhile.
Result<void> kill_envoy(const Netns& netns) {
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", code)) {
    const std::string process = entry.path().string();
    if (!is_envoy_of(process, netns)) continue;
    const int pid = std::atoi(entry.path().filename().c_str());
    const UniqueFd held(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!held.valid() || !is_envoy_of(process, netns)) continue;
    if (::syscall(SYS_pidfd_send_signal, held.get(), SIGKILL, nullptr, 0) != 0)
      return tl::unexpected(system_error(ErrorKind::environment, "SIGKILL to Envoy"));
    return {};
  }
  return fail(ErrorKind::environment, "no Envoy runs in the pod");
}

}  // namespace

process::Child& LabWorld::proxy_of(const PodPlace& pod) {
  const std::lock_guard lock(proxies_mutex_);
  return proxies_.at(pod.name);
}

Result<void> LabWorld::kill_proxy(const ProbePlace& place) {
  const PodPlace& pod = pods_[place.pod];
  if (auto killed = kill_envoy(pod_ns_[place.pod]); !killed) return killed;
  process::Child& container = proxy_of(pod);
  // The agent is the container's first process, and ends when its Envoy did.
  auto ended = await(fault_limit, [&]() -> std::string {
    return container.ended() ? "" : "the end of the proxy's container after its Envoy was killed";
  });
  if (!ended) return ended;
  return await_refusal(place);
}

Result<void> LabWorld::lose_istiod(const ProbePlace& place) {
  const Netns& netns = pod_ns_[place.pod];
  const PodPlace& pod = pods_[place.pod];
  if (auto cut = run_in(netns, nft_load_arguments(), istiod_cut_ruleset()); !cut) return cut;
  // As the kernel of a host resets the connections of a process that was killed.
  if (auto reset = run_in(netns, {"ss", "-K", "dst", istiod_address}); !reset) return reset;
  const auto& first = pod.tenant->first;
  const bool runs = std::find(first.begin(), first.end(), scenario::PodAct::hold_proxy) == first.end();
  return await(
      lost_limit,
      [&]() -> std::string {
        const auto status = proxy_status();
        if (!status) return status.error().message;
        if (std::any_of(status->begin(), status->end(), [&](const auto& one) { return one.id == proxy_id_of(pod); }))
          return "that istiod notices that " + pod.name + " is gone";
        if (!runs) return "";
        const auto refused = refused_by_cut(netns);
        if (!refused) return refused.error().message;
        return *refused > 0 ? "" : "that the proxy of " + pod.name + " tries to reach istiod again, and is refused";
      },
      seldom);
}

Result<std::uint64_t> LabWorld::refused_by_cut(const Netns& netns) const {
  const auto listing = output_in(netns, istiod_cut_arguments());
  if (!listing) return tl::unexpected(listing.error());
  return parse_istiod_cut(*listing);
}

Result<void> LabWorld::restart_proxy(const ProbePlace& place) {
  const PodPlace& pod = pods_[place.pod];
  if (auto started = start_proxy(place.pod); !started) return started;
  const auto& first = pod.tenant->first;
  const bool without_istiod = std::find(first.begin(), first.end(), scenario::PodAct::lose_istiod) != first.end();
  return without_istiod ? await_unconfigured(place) : await_ready(place);
}

Result<void> LabWorld::await_ready(const ProbePlace& place) {
  const PodPlace& pod = pods_[place.pod];
  return await(fault_limit, [&]() -> std::string {
    const auto reply = http_get(pod_ns_[place.pod], ready_url, query_limit);
    if (reply && reply->status == 200) return "";
    return "the proxy of " + pod.name + (proxy_of(pod).ended() ? " ended" : "") +
           "; its log ends: " + last_lines(pod_folder(pod) / "agent.log");
  });
}

// Envoy is there and answers, its agent asked istiod and was refused: what it does not have, it will not get.
Result<void> LabWorld::await_unconfigured(const ProbePlace& place) {
  const PodPlace& pod = pods_[place.pod];
  const Netns& netns = pod_ns_[place.pod];
  auto waits = await(
      fault_limit,
      [&]() -> std::string {
        const auto refused = refused_by_cut(netns);
        if (!refused) return refused.error().message;
        if (*refused == 0) return "that the proxy of " + pod.name + " tries to reach istiod, and is refused";
        const auto state = http_get(netns, envoy_state_url, query_limit);
        return state ? "" : state.error().message + "; its log ends: " + last_lines(pod_folder(pod) / "agent.log");
      },
      seldom);
  if (!waits) return waits;
  return await_refusal(place);
}

}  // namespace egressproof::backend::lab
