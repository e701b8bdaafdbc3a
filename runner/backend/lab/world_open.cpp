#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/files.h"
#include "runner/backend/lab/http.h"
#include "runner/backend/lab/world.h"

namespace egressproof::backend::lab {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int proxy_id = 1337;   // uid and gid of Istio's proxy
constexpr int tenant_id = 1000;  // of the probe: an ordinary tenant process

SidecarFiles sidecar_files(const std::filesystem::path& folder) {
  const std::filesystem::path tools = folder / "toolchain";
  return {tools / "pilot-agent", tools / "envoy", tools / "envoy_bootstrap.json"};
}

// Polls until `missing` returns nothing. Error: what was still missing.
template <class Missing>
Result<void> await(milliseconds limit, Missing missing) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    const std::string what = missing();
    if (what.empty()) return {};
    if (Clock::now() >= deadline)
      return fail(ErrorKind::environment, "not ready within " + std::to_string(limit.count()) + " ms: " + what);
    ::poll(nullptr, 0, 10);
  }
}

std::string last_lines(const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text) return {};
  if (text->size() > 1500) *text = text->substr(text->size() - 1500);
  return *text;
}

}  // namespace

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

Result<void> LabWorld::build_network() {
  const std::filesystem::path folder = folder_.path();
  for (const char* name : {"toolchain", "programs", "config", "istiod"})
    std::filesystem::create_directory(folder / name);
  auto written = write_file_atomically(folder / "resolv.conf",
                                       std::string("nameserver ") + world_address + "\noptions ndots:1 timeout:1\n");
  if (!written) return written;
  auto places = place_pods(blueprint_.profiles);
  if (!places) return tl::unexpected(places.error());
  pods_ = std::move(*places);

  auto world = Netns::create();
  if (!world) return tl::unexpected(world.error());
  world_ns_.emplace(std::move(*world));
  auto istiod = Netns::create();
  if (!istiod) return tl::unexpected(istiod.error());
  istiod_ns_.emplace(std::move(*istiod));
  std::vector<std::string> peers{istiod_ns_->path()};
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    auto made = Netns::create();
    if (!made) return tl::unexpected(made.error());
    pod_ns_.push_back(std::move(*made));
    peers.push_back(pod_ns_.back().path());
  }
  const auto in = [&](const Netns& netns, const std::vector<std::string>& argv,
                      const std::string& input) -> Result<void> {
    auto done = process::run_checked(sandboxed(netns, {}, argv), milliseconds(10000), input);
    if (!done) return tl::unexpected(done.error());
    return {};
  };
  const std::vector<std::string> batch{"ip", "-batch", "-"};
  if (auto done = in(*world_ns_, batch, world_commands(blueprint_.suite.fixtures, peers)); !done) return done;
  if (auto done = in(*world_ns_, {"iptables-restore"}, world_rules(blueprint_.suite.fixtures)); !done) return done;
  if (auto done = in(*istiod_ns_, batch, pod_commands(istiod_address)); !done) return done;
  for (std::size_t i = 0; i < pods_.size(); ++i)
    if (auto done = in(pod_ns_[i], batch, pod_commands(pods_[i].address)); !done) return done;
  return {};
}

Result<void> LabWorld::start_target() {
  target::Config config;
  for (const scenario::Fixture& one : blueprint_.suite.fixtures) {
    target::Fixture fixture{
        one.name, blueprint_.keys.at(one.name), one.addresses, one.ports, one.every_port, one.names, one.listening};
    config.fixtures.push_back(std::move(fixture));
    for (const std::string& name : one.names) {
      target::Record a{name, "A", {}, 1};
      target::Record aaaa{name, "AAAA", {}, 1};
      for (const std::string& address : one.addresses)
        (address.find(':') == std::string::npos ? a : aaaa).values.push_back(address);
      for (const auto& record : {a, aaaa})
        if (!record.values.empty()) config.records.push_back(record);
    }
  }
  for (const scenario::Record& one : blueprint_.suite.records) {
    target::Record record{one.name, one.type, {}, one.ttl};
    for (const std::string& value : one.values) {
      bool is_fixture = false;
      for (const scenario::Fixture& fixture : blueprint_.suite.fixtures) {
        if (fixture.name != value) continue;
        is_fixture = true;
        for (const std::string& address : fixture.addresses)
          if ((address.find(':') == std::string::npos) == (one.type == "A")) record.values.push_back(address);
      }
      if (!is_fixture) record.values.push_back(value);
    }
    config.records.push_back(std::move(record));
  }
  config.zones = blueprint_.suite.zones;
  config.dns_address = world_address;
  config.redirect_port = redirect_port;
  config.journal = folder_.path() / "receipts.ndjson";
  config.ca_file = folder_.path() / "fixtures-ca.pem";
  const std::filesystem::path file = folder_.path() / "target.json";
  if (auto written = write_file_atomically(file, target::encode(config)); !written) return written;

  auto log = log_file(folder_.path() / "target.log", 0);
  if (!log) return tl::unexpected(log.error());
  auto command = sandboxed(*world_ns_, {"--pid"},
                           {(folder_.path() / "programs/egressproof-target").string(), "--config", file.string()});
  command.out = command.err = log->get();
  auto child = process::Child::start(command);
  if (!child) return tl::unexpected(child.error());
  target_.emplace(std::move(*child));
  return await(milliseconds(10000), [&]() -> std::string {
    const std::string text = last_lines(folder_.path() / "target.log");
    if (target_->ended()) return "the target ended: " + text;
    return text.find("\"ready\"") != std::string::npos ? "" : "the target's ready line";
  });
}

Result<void> LabWorld::start_istiod() {
  const std::filesystem::path folder = folder_.path();
  if (auto written = write_file_atomically(folder / "mesh.yaml", mesh_config(bump_)); !written) return written;
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

Result<void> LabWorld::capture_pods() {
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    if (!pods_[i].meshed) continue;
    auto done = process::run_checked(sandboxed(pod_ns_[i], {}, capture_arguments(sidecar_files(folder_.path()))),
                                     milliseconds(10000));
    if (!done) return tl::unexpected(done.error());
  }
  return {};
}

Result<void> LabWorld::start_proxies() {
  auto ready = await(milliseconds(15000), [&]() -> std::string {
    if (istiod_->ended()) return "istiod ended: " + last_lines(folder_.path() / "istiod.log");
    const auto reply = http_get(*istiod_ns_, "http://127.0.0.1:8080/ready", milliseconds(500));
    return reply && reply->status == 200 ? "" : "istiod's /ready";
  });
  if (!ready) return ready;
  auto ca = WorkloadCa::create();
  if (!ca) return tl::unexpected(ca.error());
  const SidecarFiles files = sidecar_files(folder_.path());
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    const PodPlace& pod = pods_[i];
    const std::filesystem::path folder = pod_folder(pod);
    const std::filesystem::path credentials = folder / "var/run/secrets/workload-spiffe-credentials";
    std::filesystem::create_directories(credentials);
    if (!pod.meshed) continue;
    auto pem = ca->issue(pod.ns, pod.service_account);
    if (!pem) return tl::unexpected(pem.error());
    for (const auto& [name, text] :
         {std::pair{"cert-chain.pem", pem->certificate}, {"key.pem", pem->key}, {"root-cert.pem", ca->root()}})
      if (auto written = write_file_atomically(credentials / name, text); !written) return written;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (::chown(entry.path().c_str(), proxy_id, proxy_id) != 0)
        return tl::unexpected(system_error(ErrorKind::environment, "chown('" + entry.path().string() + "')"));
    if (::chown(folder.c_str(), proxy_id, proxy_id) != 0)
      return tl::unexpected(system_error(ErrorKind::environment, "chown('" + folder.string() + "')"));
    auto log = log_file(folder / "agent.log", proxy_id);
    if (!log) return tl::unexpected(log.error());
    auto command = sandboxed(pod_ns_[i], {"--pid", "--chdir", folder.string(), "--uid", "1337", "--gid", "1337"},
                             agent_arguments(pod, files));
    command.env = agent_environment(pod, files);
    command.out = command.err = log->get();
    auto child = process::Child::start(command);
    if (!child) return tl::unexpected(child.error());
    proxies_.emplace(pod.name, std::move(*child));
  }
  return {};
}

Result<void> LabWorld::start_probes() {
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    auto log = log_file(folder_.path() / ("probe-" + pods_[i].name + ".log"), 0);
    if (!log) return tl::unexpected(log.error());
    const std::string id = std::to_string(tenant_id);
    auto command = sandboxed(pod_ns_[i], {"--pid", "--uid", id, "--gid", id},
                             {(folder_.path() / "programs/egressproof-probe").string(), "--ca",
                              (folder_.path() / "fixtures-ca.pem").string()});
    command.err = log->get();
    auto link = ProbeLink::start(std::move(command));
    if (!link) return tl::unexpected(link.error());
    probes_.emplace(pods_[i].name, std::move(*link));
  }
  for (auto& [pod, link] : probes_)
    if (auto hello = link.wait_hello(milliseconds(10000)); !hello) {
      Error error = hello.error();
      error.context.push_back("in pod " + pod + ": " + last_lines(folder_.path() / ("probe-" + pod + ".log")));
      return tl::unexpected(error);
    }
  return {};
}

Result<void> LabWorld::wait_proxies() {
  return await(milliseconds(30000), [&]() -> std::string {
    for (std::size_t i = 0; i < pods_.size(); ++i) {
      if (!pods_[i].meshed) continue;
      const std::filesystem::path log = pod_folder(pods_[i]) / "agent.log";
      if (proxies_.at(pods_[i].name).ended()) return "the proxy of pod " + pods_[i].name + " ended: " + last_lines(log);
      const auto reply = http_get(pod_ns_[i], "http://127.0.0.1:15021/healthz/ready", milliseconds(500));
      if (!reply || reply->status != 200)
        return "the proxy of pod " + pods_[i].name + "; its log ends: " + last_lines(log);
    }
    return {};
  });
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
      {"network", &LabWorld::build_network},      {"istiod", &LabWorld::start_istiod},
      {"fixtures", &LabWorld::start_target},      {"capture rules", &LabWorld::capture_pods},
      {"proxies", &LabWorld::start_proxies},      {"probes", &LabWorld::start_probes},
      {"proxies ready", &LabWorld::wait_proxies},
  };
  for (const Step& step : steps) {
    if (auto done = (world.get()->*step.run)(); !done) {
      Error error = done.error();
      error.context.push_back(std::string("while starting the lab's ") + step.name);
      world->folder_.keep();
      error.context.push_back("logs are kept in " + world->work_folder());
      return tl::unexpected(error);
    }
    if (progress) progress(step.name);
  }
  return std::unique_ptr<World>(std::move(world));
}

}  // namespace egressproof::backend::lab
