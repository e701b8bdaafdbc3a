// open(): what is started when. The critical path is istiod, then pilot-agent, then Envoy; all else runs beside it.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "runner/backend/lab/await.h"
#include "runner/backend/lab/certificates.h"
#include "runner/backend/lab/http.h"
#include "runner/backend/lab/lanes.h"
#include "runner/backend/lab/parallel.h"
#include "runner/backend/lab/world.h"
#include "runner/backend/target_config.h"

namespace egressproof::backend::lab {
namespace {

constexpr const char* credentials_folder = "var/run/secrets/workload-spiffe-credentials";  // where the agent looks

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int proxy_id = 1337;                // uid and gid of Istio's proxy
constexpr milliseconds command_limit{30000};  // on a machine that is busy with other things
constexpr const char* system_trust_store = "/etc/ssl/certs/ca-certificates.crt";  // of Debian's ca-certificates

Result<void> make_folders(const std::vector<std::filesystem::path>& folders) {
  for (const auto& folder : folders) {
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    if (code) return fail(ErrorKind::environment, "cannot create '" + folder.string() + "': " + code.message());
  }
  return {};
}

Result<void> give_to_proxy(const std::filesystem::path& path) {
  if (::chown(path.c_str(), proxy_id, proxy_id) != 0)
    return tl::unexpected(system_error(ErrorKind::environment, "chown('" + path.string() + "')"));
  return {};
}

}  // namespace

SidecarFiles sidecar_files(const std::filesystem::path& folder) {
  const std::filesystem::path tools = folder / "toolchain";
  return {tools / "pilot-agent", tools / "envoy", tools / "envoy_bootstrap.json"};
}

Result<UniqueFd> LabWorld::log_file(const std::filesystem::path& path, int owner) const {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.valid() || ::fchown(fd.get(), static_cast<uid_t>(owner), static_cast<gid_t>(owner)) != 0)
    return tl::unexpected(system_error(ErrorKind::environment, "open('" + path.string() + "')"));
  return fd;
}

process::Command LabWorld::sandboxed(const Netns& netns, const std::vector<std::string>& flags,
                                     const std::vector<std::string>& argv) const {
  const std::filesystem::path folder = folder_.path();
  process::Command command;
  command.argv = {(settings_.programs / "egressproof-sandbox").string(), "--netns", netns.path()};
  for (const char* name : {"toolchain", "programs"}) {
    const auto source = name == std::string("toolchain") ? settings_.toolchain : settings_.programs;
    command.argv.insert(command.argv.end(), {"--bind", source.string() + ":" + (folder / name).string()});
  }
  command.argv.insert(command.argv.end(), {"--bind", (folder / "resolv.conf").string() + ":/etc/resolv.conf"});
  command.argv.insert(command.argv.end(), flags.begin(), flags.end());
  command.argv.emplace_back("--");
  command.argv.insert(command.argv.end(), argv.begin(), argv.end());
  return command;
}

Result<std::string> LabWorld::output_in(const Netns& netns, const std::vector<std::string>& argv,
                                        const std::string& input) const {
  process::Command command = sandboxed(netns, {}, argv);
  // The lock file of iptables-legacy is one for all namespaces; nobody else changes the rules of these.
  command.env["XTABLES_LOCKFILE"] = "/dev/null";
  return process::run_checked(command, command_limit, input);
}

Result<void> LabWorld::run_in(const Netns& netns, const std::vector<std::string>& argv,
                              const std::string& input) const {
  auto done = output_in(netns, argv, input);
  if (!done) return tl::unexpected(done.error());
  return {};
}

Result<void> LabWorld::make_namespaces() {
  const std::filesystem::path folder = folder_.path();
  if (auto made = make_folders({folder / "toolchain", folder / "programs", folder / "config", folder / "istiod"});
      !made)
    return made;
  auto written = write_file_atomically(folder / "resolv.conf",
                                       std::string("nameserver ") + world_address + "\noptions ndots:1 timeout:1\n");
  if (!written) return written;
  const auto& fixtures = blueprint_.suite.fixtures;
  auto places = place_pods(blueprint_.profiles, has_ipv6(fixtures), fixtures);
  if (!places) return tl::unexpected(places.error());
  pods_ = std::move(*places);
  if (auto placed = place_case_pods(pods_, blueprint_.extra_probes, has_ipv6(fixtures)); !placed) return placed;
  auto probes = place_probes(pods_, blueprint_.extra_probes);
  if (!probes) return tl::unexpected(probes.error());
  probe_places_ = std::move(*probes);

  std::vector<std::optional<Netns>> made(pods_.size() + 2);
  auto created = in_parallel(made.size(), [&](std::size_t i) -> Result<void> {
    auto netns = Netns::create();
    if (!netns) return tl::unexpected(netns.error());
    made[i].emplace(std::move(*netns));
    return {};
  });
  if (!created) return created;
  world_ns_ = std::move(made[0]);
  istiod_ns_ = std::move(made[1]);
  for (std::size_t i = 2; i < made.size(); ++i) pod_ns_.push_back(std::move(*made[i]));

  std::vector<std::string> peers{istiod_ns_->path()};
  for (const Netns& netns : pod_ns_) peers.push_back(netns.path());
  const std::vector<std::string> batch{"ip", "-batch", "-"};
  if (auto done = run_in(*world_ns_, batch, world_commands(fixtures, peers)); !done) return done;
  // With the module br_netfilter, which others may have loaded, iptables would judge packets at the bridge already:
  // TPROXY comes to nothing there, and the packet witness would see a redirected SYN without its destination.
  for (const char* name : {"iptables", "ip6tables"}) {
    const std::string file = std::string("/proc/sys/net/bridge/bridge-nf-call-") + name;
    std::error_code code;
    if (std::filesystem::exists(file, code)) static_cast<void>(run_in(*world_ns_, {"tee", file}, "0"));
  }
  return run_in(*istiod_ns_, batch, pod_commands(istiod_address, has_ipv6(fixtures) ? istiod_address6 : ""));
}

Result<void> LabWorld::start_istiod() {
  const std::filesystem::path folder = folder_.path();
  if (auto written = write_file_atomically(folder / "mesh.yaml", mesh_config(0)); !written) return written;
  auto log = log_file(folder / "istiod.log", 0);
  if (!log) return tl::unexpected(log.error());
  auto command = sandboxed(*istiod_ns_, {"--pid", "--chdir", (folder / "istiod").string()},
                           {(folder / "toolchain/lab-istiod").string(), "--config-dir", (folder / "config").string(),
                            "--mesh-config", (folder / "mesh.yaml").string()});
  command.env = istiod_environment();
  command.out = command.err = log->get();
  auto child = process::Child::start(command);
  if (!child) return tl::unexpected(child.error());
  istiod_.emplace(std::move(*child));
  return {};
}

Result<void> LabWorld::connect_pods() {
  return in_parallel(pods_.size(), [&](std::size_t i) { return pods_[i].tenant ? Result<void>{} : connect_pod(i); });
}

Result<void> LabWorld::connect_pod(std::size_t i) {
  const PodPlace& pod = pods_[i];
  if (auto done = run_in(pod_ns_[i], {"ip", "-batch", "-"}, pod_commands(pod.address, pod.address6)); !done)
    return done;
  // As container runtimes set it: any group may send echo requests. Where it cannot be set, detect() says that there
  // is no "icmp".
  static_cast<void>(run_in(pod_ns_[i], {"tee", "/proc/sys/net/ipv4/ping_group_range"}, "0 2147483647"));
  // As containerd sets it, and as a proxy without capture needs it: it binds the ports of the Services themselves.
  if (auto done = run_in(pod_ns_[i], {"tee", "/proc/sys/net/ipv4/ip_unprivileged_port_start"}, "0"); !done) return done;
  if (pod.tenant) {
    if (auto done = run_init_containers(i); !done) return done;
  } else if (pod.meshed && !pod.router) {
    if (auto done = run_in(pod_ns_[i], capture_arguments(sidecar_files(folder_.path()))); !done) return done;
  }
  const bool has_gateway =
      std::any_of(pods_.begin(), pods_.end(), [&](const PodPlace& other) { return other.serves == pod.ns; });
  if (!has_gateway) return {};
  return run_in(pod_ns_[i], {"iptables-restore", "--noflush"}, service_rules(gateway_services(pods_)));
}

Result<void> LabWorld::start_target() {
  const auto& fixtures = blueprint_.suite.fixtures;
  if (auto done = run_in(*world_ns_, {"iptables-restore"}, world_rules(fixtures, false)); !done) return done;
  if (has_ipv6(fixtures))
    if (auto done = run_in(*world_ns_, {"ip6tables-restore"}, world_rules(fixtures, true)); !done) return done;
  auto config = target_config(blueprint_.suite, blueprint_.keys);
  if (!config) return tl::unexpected(config.error());
  config->dns_address = world_address;
  config->zones.emplace_back("svc.cluster.local");
  for (const GatewayService& service : gateway_services(pods_))
    config->records.push_back({service.host, "A", {service.cluster_ip}});
  config->redirect_port = redirect_port;
  config->packet_witness = true;
  // A kernel without TPROXY: detect() says that there is no "udp".
  bool every_udp_port = run_in(*world_ns_, {"iptables-restore", "--noflush"}, udp_rules(fixtures, false)).has_value();
  if (every_udp_port && has_ipv6(fixtures))
    every_udp_port = run_in(*world_ns_, {"ip6tables-restore", "--noflush"}, udp_rules(fixtures, true)).has_value();
  if (every_udp_port) config->udp_redirect_port = udp_redirect_port;
  auto child = start_target_in(*world_ns_, *config, folder_.path());
  if (!child) return tl::unexpected(child.error());
  target_.emplace(std::move(*child));
  return {};
}

Result<void> LabWorld::write_identities() {
  for (const PodPlace& pod : pods_)
    if (!pod.tenant)
      if (auto written = write_identity(pod); !written) return written;
  return {};
}

Result<void> LabWorld::write_identity(const PodPlace& pod) const {
  const std::filesystem::path folder = pod_folder(pod);
  const std::filesystem::path credentials = folder / credentials_folder;
  if (auto made = make_folders({pod.meshed ? credentials : folder}); !made || !pod.meshed) return made;
  auto pem = ca_->issue(pod.ns, pod.service_account);
  if (!pem) return tl::unexpected(pem.error());
  std::vector<std::filesystem::path> owned;
  for (const auto& [name, text] :
       {std::pair{"cert-chain.pem", pem->certificate}, {"key.pem", pem->key}, {"root-cert.pem", ca_->root()}}) {
    owned.push_back(credentials / name);
    if (auto written = write_file_atomically(owned.back(), text); !written) return written;
  }
  for (std::filesystem::path part = credentials; part != folder; part = part.parent_path()) owned.push_back(part);
  owned.push_back(folder);
  for (const auto& path : owned)
    if (auto given = give_to_proxy(path); !given) return given;
  return {};
}

// Everything that waits for the namespaces only.
Result<void> LabWorld::start_all_at_once() {
  static constexpr Result<void> (LabWorld::*lanes[])() = {&LabWorld::start_target, &LabWorld::connect_pods,
                                                          &LabWorld::write_identities, &LabWorld::make_case_pods};
  auto ca = WorkloadCa::create();
  if (!ca) return tl::unexpected(ca.error());
  ca_.emplace(std::move(*ca));
  return in_parallel(std::size(lanes), [&](std::size_t i) { return (this->*lanes[i])(); });
}

std::string LabWorld::port_share(const ProbePlace& place) const {
  int count = 0;
  int index = 0;
  for (const ProbePlace& other : probe_places_) {
    if (other.pod != place.pod) continue;
    ++count;
    if (other.name == place.name) index = count;
  }
  return std::to_string(index) + "/" + std::to_string(count);
}

Result<void> LabWorld::start_probes() {
  for (const ProbePlace& place : probe_places_) {
    auto log = log_file(probe_log(place), 0);
    if (!log) return tl::unexpected(log.error());
    std::vector<std::string> flags{"--pid",
                                   "--nice",
                                   std::to_string(probe_priority),
                                   "--uid",
                                   std::to_string(place.uid),
                                   "--gid",
                                   std::to_string(place.gid)};
    for (const std::string& capability : place.capabilities) flags.insert(flags.end(), {"--capability", capability});
    std::vector<std::string> arguments{(folder_.path() / "programs/egressproof-probe").string(), "--ca",
                                       (folder_.path() / "fixtures-ca.pem").string(), "--port-share",
                                       port_share(place)};
    // Who may read it is for the files to say.
    if (pods_[place.pod].meshed)
      arguments.insert(arguments.end(),
                       {"--workload-certificate", (pod_folder(pods_[place.pod]) / credentials_folder).string()});
    auto command = sandboxed(pod_ns_[place.pod], flags, arguments);
    command.err = log->get();
    auto link = ProbeLink::start(std::move(command));
    if (!link) return tl::unexpected(link.error());
    probes_.emplace(place.name, std::move(*link));
  }
  return {};
}

Result<void> LabWorld::start_proxies() {
  if (std::none_of(pods_.begin(), pods_.end(), [](const PodPlace& pod) { return pod.meshed; })) return {};
  // An agent that finds no istiod tries again only after a second.
  auto accepts = await(milliseconds(15000), [&]() -> std::string {
    if (istiod_->ended()) return "istiod ended: " + last_lines(folder_.path() / "istiod.log");
    const auto reply = http_get(*istiod_ns_, "http://127.0.0.1:8080/ready", milliseconds(500));
    return reply && reply->status == 200 ? "" : "istiod's /ready";
  });
  if (!accepts) return accepts;
  for (std::size_t i = 0; i < pods_.size(); ++i)
    if (in_service(pods_[i]))
      if (auto started = start_proxy(i); !started) return started;
  return {};
}

Result<void> LabWorld::start_proxy(std::size_t i) {
  const SidecarFiles files = sidecar_files(folder_.path());
  const PodPlace& pod = pods_[i];
  const std::filesystem::path folder = pod_folder(pod);
  auto log = log_file(folder / "agent.log", proxy_id);
  if (!log) return tl::unexpected(log.error());
  // A proxy that never gets a configuration opens none itself.
  if (auto access = log_file(folder / "access.log", proxy_id); !access) return tl::unexpected(access.error());
  // The fixtures' CA plays the trust store of the system for a proxy that originates TLS.
  const std::vector<std::string> trust{"--bind",
                                       (folder_.path() / "fixtures-ca.pem").string() + ":" + system_trust_store};
  std::vector<std::string> flags{"--pid", "--chdir", folder.string(), "--uid", "1337", "--gid", "1337"};
  if (pod.router) flags.insert(flags.end(), {"--nice", std::to_string(gateway_priority)});
  flags.insert(flags.end(), trust.begin(), trust.end());
  auto command = sandboxed(pod_ns_[i], flags, agent_arguments(pod, files));
  command.env = agent_environment(pod, files);
  if (const InjectedPod* made = injected(pod))
    command = container_command(i, *made->proxy, {"--pid", "--chdir", folder.string(), trust[0], trust[1]});
  command.out = command.err = log->get();
  auto child = process::Child::start(command);
  if (!child) return tl::unexpected(child.error());
  const std::lock_guard lock(proxies_mutex_);
  proxies_.insert_or_assign(pod.name, std::move(*child));  // one that ended, in the place of which this one comes
  const std::string witness = pod.witness.empty() ? pod.name : pod.witness;
  logs_.emplace(pod.name, mesh::AccessLogReader(witness, folder / "access.log"));
  outputs_.emplace(pod.name, mesh::AccessLogReader(witness, folder / "agent.log"));
  return {};
}

Result<void> LabWorld::wait_proxies() {
  std::vector<std::size_t> waiting;
  for (std::size_t i = 0; i < pods_.size(); ++i)
    if (in_service(pods_[i])) waiting.push_back(i);
  return await(milliseconds(30000), [&]() -> std::string {
    std::vector<mesh::HttpQuery> queries;
    queries.reserve(waiting.size());
    for (const std::size_t i : waiting)
      queries.push_back(query_in(pod_ns_[i], "http://" + loopback_of(pods_[i]) + ":15021/healthz/ready"));
    const auto replies = mesh::http_get_all(queries, milliseconds(1000));
    std::vector<std::size_t> still;
    for (std::size_t k = 0; k < waiting.size(); ++k)
      if (!replies[k] || replies[k]->status != 200) still.push_back(waiting[k]);
    waiting = still;
    if (waiting.empty()) return {};
    const PodPlace& pod = pods_[waiting.front()];
    const bool ended = proxies_.at(pod.name).ended().has_value();
    return "the proxy of pod " + pod.name + (ended ? " ended" : "") +
           "; its log ends: " + last_lines(pod_folder(pod) / "agent.log");
  });
}

Result<void> LabWorld::wait_probes() {
  for (const ProbePlace& place : probe_places_)
    if (auto hello = probes_.at(place.name).wait_hello(milliseconds(10000)); !hello) {
      Error error = hello.error();
      error.context.push_back("probe " + place.name + " says: " + last_lines(probe_log(place)));
      return tl::unexpected(error);
    }
  return {};
}

Result<std::unique_ptr<World>> LabWorld::open(const Settings& settings, const Blueprint& blueprint,
                                              const Progress& progress) {
  auto folder = WorkFolder::create(settings.run_id);
  if (!folder) return tl::unexpected(folder.error());
  std::unique_ptr<LabWorld> world(new LabWorld(settings, blueprint, std::move(*folder)));
  struct Step {
    const char* name;
    Result<void> (LabWorld::*run)();
  };
  static constexpr Step steps[] = {
      {"namespaces", &LabWorld::make_namespaces},
      {"istiod", &LabWorld::start_istiod},
      {"fixtures, pod networks, capture rules, identities", &LabWorld::start_all_at_once},
      {"fixtures in pods", &LabWorld::start_targets_in_pods},
      {"probes", &LabWorld::start_probes},
      {"proxies", &LabWorld::start_proxies},
      {"probes ready", &LabWorld::wait_probes},
      {"proxies ready", &LabWorld::wait_proxies},
  };
  if (auto checked = world->check_network_policies(); !checked) return tl::unexpected(checked.error());
  for (const Step& step : steps) {
    if (auto done = (world.get()->*step.run)(); !done) {
      Error error = done.error();
      error.context.push_back(std::string("while starting the lab's ") + step.name);
      if (error.kind != ErrorKind::scenario) {
        world->folder_.keep();
        error.context.push_back("logs are kept in " + world->work_folder());
      }
      return tl::unexpected(error);
    }
    if (progress) progress(step.name);
  }
  world->kernel_at_open_ = world->kernel_counters();
  return std::unique_ptr<World>(std::move(world));
}

}  // namespace egressproof::backend::lab
