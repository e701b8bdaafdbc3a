#include "runner/backend/cluster/network_check.h"

#include <poll.h>

#include <algorithm>
#include <optional>

#include "base/crypto.h"
#include "runner/backend/cluster/agent_link.h"
#include "runner/backend/cluster/objects.h"
#include "runner/backend/cluster/pods.h"
#include "runner/backend/cluster/port_forward.h"

namespace egressproof::backend::cluster {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* check_namespace = "egressproof-network-check";
constexpr std::chrono::seconds pods_limit{120};
constexpr std::chrono::seconds enforcement_limit{10};  // plugins take a second or two
constexpr int poll_ms = 200;

class NetworkCheck {
 public:
  explicit NetworkCheck(const WorldSettings& settings)
      : settings_(settings), kubectl_(settings.kubectl, settings.kubeconfig, settings.context) {
    common_.run_id = settings.run_id;
    common_.image = settings.image;
    common_.agent_key = random_hex(32);
  }
  // Whatever happens the namespace goes; nobody waits for it.
  ~NetworkCheck() { (void)kubectl_.remove({namespace_object(check_namespace, false, common_)}, false); }
  NetworkCheck(const NetworkCheck&) = delete;
  NetworkCheck& operator=(const NetworkCheck&) = delete;

  Result<bool> run() {
    if (auto gone = kubectl_.remove({namespace_object(check_namespace, false, common_)}, true); !gone)
      return tl::unexpected(gone.error());
    std::vector<Json> objects{namespace_object(check_namespace, false, common_)};
    for (Json& object : shared_objects(check_namespace, common_)) objects.push_back(std::move(object));
    for (const char* name : {from_, to_}) objects.push_back(probe_object({place(name)}, common_));
    if (auto made = kubectl_.apply(objects); !made) return tl::unexpected(made.error());
    if (auto up = bring_up(); !up) return tl::unexpected(up.error());
    const auto before = reaches();
    if (!before) return before;
    if (!*before)
      return fail(ErrorKind::environment,
                  "one pod does not reach another even without a NetworkPolicy: the cluster's network is broken");
    const Json deny_all = {{"apiVersion", "networking.k8s.io/v1"},
                           {"kind", "NetworkPolicy"},
                           {"metadata", {{"name", "deny-all-egress"}, {"namespace", check_namespace}}},
                           {"spec", {{"podSelector", Json::object()}, {"policyTypes", {"Egress"}}}}};
    if (auto applied = kubectl_.apply({deny_all}); !applied) return tl::unexpected(applied.error());
    const auto deadline = Clock::now() + enforcement_limit;
    for (;;) {
      const auto reached = reaches();
      if (!reached) return reached;
      if (!*reached) return true;
      if (Clock::now() >= deadline) return false;
      ::poll(nullptr, 0, poll_ms);
    }
  }

 private:
  static ProbePlace place(const char* name) {
    ProbePlace made;
    made.ns = check_namespace;
    // Two Deployments in one namespace, so with names of their own, as pods of a case have.
    made.profile = "check";
    made.name = made.pod = std::string("check+") + name;
    return made;
  }

  Result<void> bring_up() {
    const auto deadline = Clock::now() + pods_limit;
    for (;;) {
      const auto list = kubectl_.get({"pods", "--namespace", check_namespace});
      if (!list) return tl::unexpected(list.error());
      std::string awaited;
      for (const char* name : {from_, to_}) {
        const auto pods = parse_pods(*list);
        const auto pod = std::find_if(pods.begin(), pods.end(),
                                      [&](const Pod& one) { return one.probe == name_of(place(name).name); });
        if (pod == pods.end() || !pod->ready)
          awaited = pod == pods.end() ? std::string("pod ") + name : describe(*pod);
        else
          (name == from_ ? from_pod_ : to_pod_) = *pod;
      }
      if (awaited.empty()) break;
      if (Clock::now() >= deadline)
        return fail(ErrorKind::environment, "waited " + std::to_string(pods_limit.count()) +
                                                " s to try NetworkPolicy; still awaited: " + awaited);
      ::poll(nullptr, 0, poll_ms);
    }
    auto forward = PortForward::start(kubectl_, check_namespace, from_pod_.name, {agent_port});
    if (!forward) return tl::unexpected(forward.error());
    forward_.emplace(std::move(*forward));
    for (;;) {
      const auto ready = forward_->ready();
      if (!ready) return tl::unexpected(ready.error());
      if (*ready) return wait_ready({{from_, forward_->url(agent_port)}}, std::chrono::seconds(20));
      if (Clock::now() >= deadline) return fail(ErrorKind::environment, "no port-forward to try NetworkPolicy");
      ::poll(nullptr, 0, poll_ms);
    }
  }

  // By the other agent's own answer: what accepts a connection alone may be anything.
  Result<bool> reaches() {
    probe::Attempt attempt;
    attempt.sequence = 1;
    attempt.id = "network-check";
    attempt.nonce = random_hex(16);
    attempt.address = to_pod_.address;
    attempt.port = agent_port;
    attempt.host = to_pod_.address;
    attempt.path = "/healthz";
    attempt.family = to_pod_.address.find(':') == std::string::npos ? probe::Family::ipv4 : probe::Family::ipv6;
    attempt.limits.connect = std::chrono::milliseconds(1000);
    const auto results =
        exchange({settings_.run_id, common_.agent_key}, {{from_, {forward_->url(agent_port)}}}, {{from_, {attempt}}},
                 "check" + std::to_string(++rounds_), 1, std::chrono::seconds(20));
    const probe::BatchResult& result = results.at(from_);
    const auto seen = result.observations.find(1);
    if (seen == result.observations.end())
      return fail(ErrorKind::environment, "the probe that tries NetworkPolicy told nothing: " +
                                              (result.errors.empty() ? std::string("?") : result.errors.front()));
    return seen->second.code == probe::Code::ok && seen->second.http_status == 200;
  }

  static constexpr const char* from_ = "from";
  static constexpr const char* to_ = "to";
  const WorldSettings& settings_;
  Kubectl kubectl_;
  Common common_;
  Pod from_pod_, to_pod_;
  std::optional<PortForward> forward_;
  int rounds_ = 0;
};

}  // namespace

Result<bool> enforces_network_policy(const WorldSettings& settings) { return NetworkCheck(settings).run(); }

}  // namespace egressproof::backend::cluster
