// open(): what is created when. Everything is asked for at once; the API server, the scheduler and the nodes decide
// what comes first, and only what needs an address waits for it.
#include <poll.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/x509.h"
#include "runner/backend/cluster/agent_link.h"
#include "runner/backend/cluster/core_dns.h"
#include "runner/backend/cluster/world.h"
#include "runner/backend/mesh/http.h"
#include "runner/backend/target_config.h"

namespace egressproof::backend::cluster {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* dns_target = "dns";
constexpr std::chrono::seconds pods_limit{240};
constexpr std::chrono::seconds case_pods_limit{45};  // after all others are ready
constexpr std::chrono::seconds forward_limit{60};
constexpr std::chrono::seconds names_limit{120};  // CoreDNS reads its configuration every 30 s unless told otherwise
constexpr std::chrono::milliseconds http_limit{5000};
constexpr std::size_t name_queries = 24;
constexpr int poll_ms = 200;
// Of a target whose container the runtime could not start, as on a node that has no time for it.
constexpr int target_tries = 3;

bool begins_with_batch(const ProbePlace& place) { return place.tenant.from_zero || place.tenant.init_container; }

const Pod* find_pod(const std::vector<Pod>& pods, const std::function<bool(const Pod&)>& fits) {
  const auto found = std::find_if(pods.begin(), pods.end(), [&](const Pod& pod) { return !pod.ending && fits(pod); });
  return found == pods.end() ? nullptr : &*found;
}

}  // namespace

Result<void> ClusterWorld::await(std::chrono::seconds limit, const std::string& what, const Gap& gap,
                                 const std::function<void()>& while_waiting) const {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    const Result<std::string> awaited = gap();
    if (!awaited) return tl::unexpected(awaited.error());
    if (awaited->empty()) return {};
    if (const int signal = settings_.interrupted ? settings_.interrupted() : 0; signal != 0)
      return fail(ErrorKind::interrupted,
                  "interrupted by signal " + std::to_string(signal) + " while waiting for " + what);
    if (std::string lost = ownership_ ? ownership_->lost() : ""; !lost.empty())
      return fail(ErrorKind::environment, lost);
    if (Clock::now() >= deadline)
      return fail(ErrorKind::environment,
                  "waited " + std::to_string(limit.count()) + " s for " + what + "; still awaited: " + *awaited);
    if (while_waiting) while_waiting();
    ::poll(nullptr, 0, poll_ms);
  }
}

Result<void> ClusterWorld::take_cluster(const Progress& progress) {
  auto places = place(blueprint_.profiles, blueprint_.extra_probes, settings_.workload);
  if (!places) return tl::unexpected(places.error());
  places_ = std::move(*places);
  std::vector<std::string> namespaces;
  for (const ProbePlace& probe : places_.probes) namespaces.push_back(probe.ns);
  for (const GatewayPlace& gateway : places_.gateways) namespaces.push_back(gateway.ns);
  namespaces.insert(namespaces.end(), places_.others.begin(), places_.others.end());
  auto taken = Ownership::take(kubectl_, settings_.run_id, namespaces, progress);
  if (!taken) return tl::unexpected(taken.error());
  ownership_ = std::move(*taken);
  open_ = true;
  if (settings_.ingress_stand_in) stand_in_.emplace(kubectl_);
  return {};
}

Result<void> ClusterWorld::make_credentials() {
  auto ca = CertificateAuthority::create("egressproof fixtures");
  if (!ca) return tl::unexpected(ca.error());
  auto pair = ca->pair();
  if (!pair) return tl::unexpected(pair.error());
  common_ = {settings_.run_id,  settings_.image, settings_.istio_revision, random_hex(32),
             pair->certificate, pair->key,       settings_.agents};
  return {};
}

Result<void> ClusterWorld::start_target(const std::string& name, target::Config config) {
  for (target::Fixture& fixture : config.fixtures) fixture.addresses = {"0.0.0.0"};
  targets_.push_back({name, {}, {}, {}, target_objects(name, std::move(config), common_)});
  auto applied = kubectl_.apply(targets_.back().objects);
  if (!applied) return tl::unexpected(applied.error());
  return {};
}

Result<void> ClusterWorld::create_all() {
  std::vector<Json> namespaces;
  std::set<std::string> done;
  const auto add_namespace = [&](const std::string& ns, bool injected) {
    if (done.insert(ns).second) namespaces.push_back(namespace_object(ns, injected, common_));
  };
  for (const ProbePlace& probe : places_.probes) add_namespace(probe.ns, probe.meshed);
  for (const GatewayPlace& gateway : places_.gateways) add_namespace(gateway.ns, true);
  const std::set<std::string> with_pods = done;
  for (const std::string& ns : places_.others) add_namespace(ns, false);
  if (auto made = kubectl_.apply(namespaces); !made) return tl::unexpected(made.error());
  // A pod of its own is refused until its namespace has the service account "default".
  auto accounts = await(forward_limit, "service accounts", [&]() -> Result<std::string> {
    const auto list =
        kubectl_.get({"serviceaccounts", "--all-namespaces", "--field-selector", "metadata.name=default"});
    if (!list) return list.error().message;
    std::set<std::string> missing = done;
    missing.insert(targets_namespace);
    for (const Json& account : list->value("items", Json::array())) missing.erase(account["metadata"]["namespace"]);
    return missing.empty() ? std::string() : "service account default in namespace " + *missing.begin();
  });
  if (!accounts) return accounts;

  std::vector<Json> objects;
  const auto add = [&](std::vector<Json> more) {
    objects.insert(objects.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  auto config = target_config(blueprint_.suite, blueprint_.keys);
  if (!config) return tl::unexpected(config.error());
  for (target::Fixture fixture : config->fixtures) {
    if (!fixture.relays_to.empty()) continue;  // start_relays()
    const auto& fixtures = blueprint_.suite.fixtures;
    const auto written =
        std::find_if(fixtures.begin(), fixtures.end(), [&](const auto& it) { return it.name == fixture.name; });
    fixture.ports = dialled_ports(blueprint_.suite, *written);
    fixture.every_port = false;
    fixture.addresses = {"0.0.0.0"};
    target::Config own;
    own.fixtures = {fixture};
    targets_.push_back({fixture.name, {}, {}, {}, target_objects(fixture.name, own, common_)});
    add(targets_.back().objects);
  }
  for (const std::string& ns : with_pods) add(shared_objects(ns, common_));
  for (const GatewayPlace& gateway : places_.gateways) add(gateway_objects(gateway, common_));
  std::map<std::string, std::vector<ProbePlace>> workloads;  // by pod, its own probe first
  for (const ProbePlace& probe : places_.probes)
    if (!comes_late(probe)) workloads[probe.pod].push_back(probe);
  add(account_objects(places_.probes, common_));
  for (const auto& [pod, probes] : workloads) objects.push_back(probe_object(probes, common_));
  if (auto made = kubectl_.apply(objects); !made) return tl::unexpected(made.error());
  return {};
}

Result<void> ClusterWorld::wait_targets() {
  auto running = await(pods_limit, "the targets", [&]() -> Result<std::string> {
    const auto pods = pods_of_run(kubectl_, settings_.run_id);
    if (!pods) return pods.error().message;
    for (TargetMember& target : targets_) {
      const Pod* pod = find_pod(
          *pods, [&](const Pod& one) { return one.ns == targets_namespace && one.name == target_pod(target.fixture); });
      if (pod == nullptr) return "pod " + target_pod(target.fixture);
      // One that ran and ended would have lost its receipts and stays as it is; this one has none to lose.
      if (pod->stillborn && target.made_again < target_tries) {
        ++target.made_again;
        if (auto gone = kubectl_.remove({target.objects.back()}, true); !gone) return tl::unexpected(gone.error());
        if (auto made = kubectl_.apply(target.objects); !made) return tl::unexpected(made.error());
        return describe(*pod);
      }
      if (!pod->running || pod->address.empty()) return describe(*pod);
      target.pod = *pod;
    }
    return std::string();
  });
  if (!running) return running;
  for (TargetMember& target : targets_) {
    if (target.forward) continue;
    auto forward = PortForward::start(kubectl_, targets_namespace, target.pod.name, {inspection_port});
    if (!forward) return tl::unexpected(forward.error());
    target.forward.emplace(std::move(*forward));
  }
  return await(forward_limit, "the targets", [&]() -> Result<std::string> {
    std::vector<std::string> urls;
    for (TargetMember& target : targets_) {
      const auto ready = target.forward->ready();
      if (!ready) return tl::unexpected(ready.error());
      if (!*ready) return "the port-forward to target " + target.fixture;
      urls.push_back(target.forward->url(inspection_port) + "/healthz");
    }
    const auto replies = mesh::http_get_all(urls, http_limit);
    for (std::size_t i = 0; i < urls.size(); ++i)
      if (!replies[i] || replies[i]->status != 200) return "target " + targets_[i].fixture + " to listen";
    return std::string();
  });
}

Relocation ClusterWorld::relocation_so_far() const {
  std::map<std::string, std::string> addresses;
  for (const scenario::Fixture& fixture : blueprint_.suite.fixtures)
    for (const TargetMember& target : targets_)
      if (target.fixture == fixture.name)
        for (const std::string& address : fixture.addresses)
          if (address.find(':') == std::string::npos) addresses[address] = target.pod.address;
  return Relocation(std::move(addresses));
}

// Whom they relay to has an address by now.
Result<void> ClusterWorld::start_relays() {
  const auto config = target_config(relocation_so_far().to_cluster(blueprint_.suite), blueprint_.keys);
  if (!config) return tl::unexpected(config.error());
  const std::size_t others = targets_.size();
  for (const target::Fixture& fixture : config->fixtures) {
    if (fixture.relays_to.empty()) continue;
    target::Config own;
    own.fixtures = {fixture};
    if (auto started = start_target(fixture.name, own); !started) return started;
  }
  return targets_.size() == others ? Result<void>() : wait_targets();
}

// The authority comes last: its records are the addresses of the others.
Result<void> ClusterWorld::start_dns() {
  relocation_ = relocation_so_far();
  auto config = target_config(relocation_.to_cluster(blueprint_.suite), blueprint_.keys);
  if (!config) return tl::unexpected(config.error());
  config->fixtures.clear();
  config->dns_address = "0.0.0.0";
  if (auto started = start_target(dns_target, *config); !started) return started;
  if (auto ready = wait_targets(); !ready) return ready;
  if (settings_.dns == Dns::existing) return {};
  return add_stub_domain(kubectl_, blueprint_.suite.zones, targets_.back().pod.address);
}

Result<void> ClusterWorld::wait_probes() {
  for (const ProbePlace& probe : places_.probes)
    for (int k = 0; probe.name == probe.pod && k < (probe.name == probe.profile ? settings_.agents : 1); ++k)
      members_.push_back({probe.name,
                          probe.profile,
                          {},
                          probe.meshed && !begins_with_batch(probe),
                          {},
                          {},
                          probe.tenant.from_zero,
                          {},
                          probe.tenant.init_container});
  for (const GatewayPlace& gateway : places_.gateways) members_.push_back({gateway.name, gateway.name, {}, true, {}});
  return await(pods_limit, "the probes",
               [&] { return members_gap([&](const Member& member) { return !of_a_case(member); }); });
}

Result<std::string> ClusterWorld::members_gap(const std::function<bool(const Member&)>& fits) {
  const auto pods = pods_of_run(kubectl_, settings_.run_id);
  if (!pods) return pods.error().message;
  std::string gap;
  std::set<std::string> taken;  // several of one label: the pods of one workload
  for (Member& member : members_) {
    if (!fits(member) || member.from_zero || member.at_attempt) continue;
    const Pod* pod = find_pod(*pods, [&](const Pod& one) {
      return one.probe == name_of(member.name) && taken.count(one.ns + "/" + one.name) == 0;
    });
    if (pod != nullptr) taken.insert(pod->ns + "/" + pod->name);
    const bool ready = pod != nullptr && pod->ready && !pod->address.empty();
    member.missing = ready ? "" : pod == nullptr ? "there is no pod of probe " + member.name : describe(*pod);
    if (ready) {
      member.pod = *pod;
      member.proxied = pod->proxied;  // whatever was asked for: what the pod really has counts
    } else if (gap.empty()) {
      gap = member.missing;
    }
  }
  return gap;
}

// What a tenant wrote into a template may well keep the pod from starting. That is told of the cases that need it, and
// no reason to hold all others up.
Result<void> ClusterWorld::wait_pods_of_cases() {
  const auto up = await(case_pods_limit, "pods of cases",
                        [&] { return members_gap([&](const Member& member) { return of_a_case(member); }); });
  if (!up && up.error().kind == ErrorKind::interrupted) return up;
  return {};
}

Result<void> ClusterWorld::forward_all() {
  for (Member& member : members_) {
    if (!member.missing.empty()) {
      member.proxied = false;  // nobody to wait for
      continue;
    }
    if (member.forward || member.at_attempt) continue;
    std::vector<int> ports;
    for (const ProbePlace& probe : places_.probes)
      if (probe.pod == member.name) ports.push_back(probe.port);
    if (member.proxied) ports.push_back(envoy_admin_port);
    auto forward = PortForward::start(kubectl_, member.pod.ns, member.pod.name, ports);
    if (!forward) return tl::unexpected(forward.error());
    member.forward.emplace(std::move(*forward));
  }
  const auto pods = kubectl_.get({"pods", "--namespace", settings_.istio_namespace, "--selector", "app=istiod"});
  if (!pods) return tl::unexpected(pods.error());
  for (const Pod& pod : parse_pods(*pods)) {
    if (!pod.ready || pod.ending) continue;
    auto forward = PortForward::start(kubectl_, pod.ns, pod.name, {8080});
    if (!forward) return tl::unexpected(forward.error());
    istiods_.push_back(std::move(*forward));
  }
  if (istiods_.empty())
    return fail(ErrorKind::environment,
                "no pod of istiod (app=istiod) is ready in namespace " + settings_.istio_namespace);
  auto forwarded = await(forward_limit, "port-forwards", [&]() -> Result<std::string> {
    std::vector<PortForward*> all;
    for (Member& member : members_)
      if (member.forward) all.push_back(&*member.forward);
    for (PortForward& istiod : istiods_) all.push_back(&istiod);
    for (PortForward* forward : all) {
      const auto ready = forward->ready();
      if (!ready) return tl::unexpected(ready.error());
      if (!*ready) return std::string("a port-forward");
    }
    return std::string();
  });
  if (!forwarded) return forwarded;
  return wait_ready(all_agent_urls(), forward_limit);
}

// Until a pod resolves the suite's names as the suite says. Many times at once, for each query goes to any of the name
// server's pods, and each of those reads its configuration and forgets what it cached when it will.
Result<void> ClusterWorld::wait_names() {
  const auto fixture =
      std::find_if(blueprint_.suite.fixtures.begin(), blueprint_.suite.fixtures.end(), [](const auto& one) {
        return !one.names.empty() && !one.addresses.empty() && one.names.front().find('*') == std::string::npos;
      });
  const auto vantage =
      std::find_if(blueprint_.profiles.begin(), blueprint_.profiles.end(), [](const auto& one) { return one.vantage; });
  if (fixture == blueprint_.suite.fixtures.end() || vantage == blueprint_.profiles.end()) return {};
  return await(names_limit, "the cluster's DNS", [&]() -> Result<std::string> {
    std::vector<probe::Attempt> attempts(name_queries);
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      attempts[i].sequence = i + 1;
      attempts[i].id = "name";
      attempts[i].nonce = random_hex(16);
      attempts[i].protocol = probe::Protocol::dns;
      attempts[i].name = fixture->names.front();
    }
    const auto results = send({{vantage->name, attempts}}, std::chrono::seconds(10));
    if (!results) return tl::unexpected(results.error());
    const probe::BatchResult& result = results->at(vantage->name);
    for (const probe::Attempt& attempt : attempts) {
      const auto seen = result.observations.find(attempt.sequence);
      if (seen == result.observations.end())
        return "the probe of " + vantage->name + ": " + (result.errors.empty() ? "no answer" : result.errors.front());
      const auto& answers = seen->second.dns_answers;
      if (std::find(answers.begin(), answers.end(), fixture->addresses.front()) != answers.end()) continue;
      return "an address of " + attempt.name + " (an answer was " + probe::to_string(seen->second.code) +
             (settings_.dns == Dns::existing
                  ? "; with --dns existing somebody must forward the zone to pod " + std::string(targets_namespace) +
                        "/" + target_pod(dns_target) + ", " + targets_.back().pod.address
                  : "") +
             ")";
    }
    return std::string();
  });
}

Result<std::unique_ptr<World>> ClusterWorld::open(const WorldSettings& settings, const Blueprint& blueprint,
                                                  const Progress& progress) {
  std::unique_ptr<ClusterWorld> world(new ClusterWorld(settings, blueprint));
  struct Step {
    const char* name;
    Result<void> (ClusterWorld::*run)();
  };
  static constexpr Step steps[] = {
      {"credentials", &ClusterWorld::make_credentials},
      {"namespaces, targets, probes, gateways", &ClusterWorld::create_all},
      {"targets listening", &ClusterWorld::wait_targets},
      {"relays", &ClusterWorld::start_relays},
      {"DNS authority", &ClusterWorld::start_dns},
      {"pods ready", &ClusterWorld::wait_probes},
      {"what tenants add", &ClusterWorld::add_late},
      {"pods of cases", &ClusterWorld::wait_pods_of_cases},
      {"nothing where it starts from zero", &ClusterWorld::wait_zero},
      {"port-forwards", &ClusterWorld::forward_all},
      {"names resolve", &ClusterWorld::wait_names},
  };
  if (auto taken = world->take_cluster(progress); !taken) return tl::unexpected(taken.error());
  for (const Step& step : steps) {
    if (auto done = (world.get()->*step.run)(); !done) {
      Error error = done.error();
      error.context.push_back("while waiting for the cluster's " + std::string(step.name));
      return tl::unexpected(error);
    }
    if (progress) progress(step.name);
  }
  return std::unique_ptr<World>(std::move(world));
}

}  // namespace egressproof::backend::cluster
