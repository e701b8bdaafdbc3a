// The steps until there is a network: cluster, network, images.
#include "runner/backend/cluster/provision_steps.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/bytes.h"
#include "base/files.h"
#include "base/unique_fd.h"
#include "runner/backend/cluster/manifest_source.h"
#include "runner/backend/cluster/readiness.h"
#include "runner/backend/cluster/redact.h"

namespace egressproof::backend::cluster {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

std::string tail(const fs::path& log) {
  const auto text = read_file(log);
  if (!text) return "";
  constexpr std::size_t most = 1500;
  std::string end = text->size() > most ? "..." + text->substr(text->size() - most) : *text;
  while (end.ends_with('\n')) end.pop_back();
  return without_secrets(end);
}

Result<void> write_private(const fs::path& path, const std::string& content) {
  if (auto written = write_file_atomically(path, content); !written) return written;
  std::error_code error;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error) return fail(ErrorKind::environment, "cannot protect '" + path.string() + "': " + error.message());
  return {};
}

Result<void> make_cluster(const Site& site) {
  const std::string& name = site.settings().cluster.name;
  const fs::path making = site.folder() / making_file;
  if (auto written = write_file_atomically(making, std::to_string(::getpid()) + "\n"); !written) return written;
  const fs::path config = site.folder() / "kind-config.json";
  if (auto written = write_file_atomically(config, site.settings().cluster.kind_config.dump(2) + "\n"); !written)
    return written;
  std::vector<std::string> args{"create",   "cluster",       "--name",       name,
                                "--config", config.string(), "--kubeconfig", kubeconfig_of(site.folder()).string(),
                                "--retain"};
  if (!site.settings().cluster.node_image.empty())
    args.insert(args.end(), {"--image", site.settings().cluster.node_image});
  if (auto done = site.carry_out(site.tools().kind(args), site.settings().deadlines.cluster, "cluster"); !done)
    return done;
  if (auto written = write_file_atomically(site.folder() / made_file, "by egressproof kind up\n"); !written)
    return written;
  std::error_code ignored;
  fs::remove(making, ignored);
  return {};
}

// After a restart of the machine they are there and stopped.
Result<void> start_nodes(const Site& site) {
  auto nodes = site.nodes();
  if (!nodes) return tl::unexpected(nodes.error());
  std::vector<std::string> args{"start"};
  args.insert(args.end(), nodes->begin(), nodes->end());
  const auto started = process::run_checked(site.tools().docker(args), seconds(60));
  if (!started) return tl::unexpected(started.error());
  return {};
}

Result<void> act_cluster(const Site& site) {
  const std::string& name = site.settings().cluster.name;
  auto known = is_known(site);
  if (!known) return tl::unexpected(known.error());
  std::error_code ignored;
  if (*known && fs::exists(site.folder() / making_file, ignored)) {
    // A call before this one was ended in the middle: nobody can have put anything into it.
    if (auto gone = site.carry_out(site.tools().kind({"delete", "cluster", "--name", name, "--kubeconfig",
                                                      kubeconfig_of(site.folder()).string()}),
                                   site.settings().deadlines.cluster, "cluster");
        !gone)
      return gone;
    known = false;
  }
  if (!*known)
    if (auto made = make_cluster(site); !made) return made;
  if (auto started = start_nodes(site); !started) return started;
  const auto kubeconfig = process::run_checked(site.tools().kind({"get", "kubeconfig", "--name", name}), seconds(60));
  if (!kubeconfig) return tl::unexpected(kubeconfig.error());
  return write_private(kubeconfig_of(site.folder()), *kubeconfig);
}

Result<Awaited> await_cluster(const Site& site) {
  const auto known = is_known(site);
  if (!known) return tl::unexpected(known.error());
  std::error_code ignored;
  const std::string name = "cluster '" + site.settings().cluster.name + "'";
  if (!*known) return Awaited{false, name + " is not there"};
  if (fs::exists(site.folder() / making_file, ignored)) return Awaited{false, name + " is half made"};
  if (!fs::exists(kubeconfig_of(site.folder()), ignored)) return Awaited{false, name + "'s kubeconfig is not there"};
  const auto ready = site.kubectl().run({"get", "--raw", "/readyz", "--request-timeout", "10s"}, {}, seconds(15));
  if (!ready) return Awaited{true, "the API server: " + ready.error().message};
  return Awaited{};
}

Result<std::string> network_inputs(const Site& site) {
  Json all = {{"files", Json::array()}, {"manifests", site.settings().cluster.manifests}};
  for (const NodeFile& file : site.settings().cluster.node_files) {
    const auto text = read_file(file.from);
    if (!text) return text;
    all["files"].push_back({{"to", file.to}, {"text", bytes_to_utf8(*text)}});
  }
  if (!site.settings().cluster.corefile.empty()) {
    const auto text = read_file(site.settings().cluster.corefile);
    if (!text) return text;
    all["corefile"] = bytes_to_utf8(*text);
  }
  return all.dump();
}

Result<void> put_corefile(const Site& site) {
  const auto text = read_file(site.settings().cluster.corefile);
  if (!text) return tl::unexpected(text.error());
  const Json patch = {{"data", {{"Corefile", *text}}}};
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"patch", "configmap", "coredns", "--namespace", "kube-system", "--type", "merge",
                                 "--field-manager", field_manager, "--patch", patch.dump()},
        {"rollout", "restart", "deployment", "coredns", "--namespace", "kube-system"}})
    if (const auto done = site.kubectl().run(args); !done) return tl::unexpected(done.error());
  return {};
}

Result<void> act_network(const Site& site) {
  const ClusterSettings& settings = site.settings().cluster;
  const auto nodes = site.nodes();
  if (!nodes) return tl::unexpected(nodes.error());
  for (const std::string& node : *nodes)
    for (const NodeFile& file : settings.node_files) {
      const auto copied =
          process::run_checked(site.tools().docker({"cp", file.from.string(), node + ":" + file.to}), seconds(60));
      if (!copied) return tl::unexpected(copied.error());
    }
  const auto objects = manifest_objects(settings.manifests, {}, {});
  if (!objects) return tl::unexpected(objects.error());
  if (auto applied = apply_phases(site.kubectl(), in_phases(*objects)); !applied) return applied;
  return settings.corefile.empty() ? Result<void>() : put_corefile(site);
}

Result<Awaited> await_network(const Site& site) {
  const auto nodes = site.kubectl().get({"nodes"});
  if (!nodes) return tl::unexpected(nodes.error());
  if (const auto lines = not_ready(*nodes); !lines.empty()) return Awaited{true, shortened(lines, 3)};
  const auto dns = site.kubectl().get({"deployments", "--namespace", "kube-system"});
  if (!dns) return tl::unexpected(dns.error());
  if (!absent(*dns, {"coredns"}).empty()) return Awaited{false, "deployment kube-system/coredns is not there"};
  return Awaited{true, shortened(not_ready(*dns), 3)};
}

// The engine's ids: an image that was built anew under the same name is another one.
Result<std::string> images_inputs(const Site& site) {
  const ImageSettings& settings = site.settings().images;
  Json all = {{"names", settings.load}, {"archives", Json::array()}};
  for (const std::string& image : settings.load) {
    const auto id = process::run(site.tools().docker({"image", "inspect", "--format", "{{.Id}}", image}), seconds(30));
    if (!id) return tl::unexpected(id.error());
    all["ids"].push_back(id->out);  // empty: not in the engine yet
  }
  for (const fs::path& archive : settings.archives) {
    std::error_code error;
    const auto size = fs::file_size(archive, error);
    if (error) return fail(ErrorKind::environment, "image archive '" + archive.string() + "': " + error.message());
    const auto at = fs::last_write_time(archive, error).time_since_epoch().count();
    all["archives"].push_back({archive.string(), size, at});
  }
  return all.dump();
}

Result<void> act_images(const Site& site) {
  const KindSettings& settings = site.settings();
  for (const std::string& image : settings.images.load) {
    if (process::run_checked(site.tools().docker({"image", "inspect", "--format", "{{.Id}}", image}), seconds(30)))
      continue;
    if (auto pulled = site.carry_out(site.tools().docker({"pull", image}), settings.deadlines.images, "images");
        !pulled) {
      pulled.error().message =
          "image '" + image + "' is not in the engine and cannot be pulled: " + pulled.error().message;
      return pulled;
    }
  }
  std::vector<std::string> args{"load", "docker-image", "--name", settings.cluster.name};
  args.insert(args.end(), settings.images.load.begin(), settings.images.load.end());
  // In one call: layers that they share are saved once.
  if (!settings.images.load.empty())
    if (auto loaded = site.carry_out(site.tools().kind(args), settings.deadlines.images, "images"); !loaded)
      return loaded;
  for (const fs::path& archive : settings.images.archives)
    if (auto loaded = site.carry_out(
            site.tools().kind({"load", "image-archive", "--name", settings.cluster.name, archive.string()}),
            settings.deadlines.images, "images");
        !loaded)
      return loaded;
  return {};
}

Result<Awaited> await_images(const Site& site) {
  if (site.settings().images.load.empty()) return Awaited{};
  const auto nodes = site.nodes();
  if (!nodes) return tl::unexpected(nodes.error());
  for (const std::string& node : *nodes) {
    const auto told = process::run_checked(
        site.tools().docker({"exec", node, "ctr", "--namespace", "k8s.io", "images", "ls", "--quiet"}), seconds(30));
    if (!told) return tl::unexpected(told.error());
    const auto there = lines_of(*told);
    for (const std::string& image : site.settings().images.load)
      if (std::find(there.begin(), there.end(), full_reference(image)) == there.end())
        return Awaited{false, "image '" + image + "' is not in node '" + node + "'"};
  }
  return Awaited{};
}

}  // namespace

Site::Site(const ProvisionOptions& options, const Tools& tools)
    : options_(options), tools_(tools), kubectl_(tools.kubectl(kubeconfig_of(options.state_folder))) {}

Result<void> Site::carry_out(process::Command command, std::chrono::milliseconds limit, const std::string& log) const {
  std::error_code ignored;
  fs::create_directories(folder() / "logs", ignored);
  const fs::path path = folder() / "logs" / (log + ".log");
  const UniqueFd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!out.valid()) return tl::unexpected(system_error(ErrorKind::environment, "open('" + path.string() + "')"));
  command.out = command.err = out.get();
  auto child = process::Child::start(command);
  if (!child) return tl::unexpected(child.error());
  std::string line;
  for (const std::string& word : command.argv) line += (line.empty() ? "" : " ") + word;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto ended = child->wait(std::chrono::milliseconds(100));
    if (ended) {
      const auto* exited = std::get_if<process::Exited>(&*ended);
      if (exited != nullptr && exited->code == 0) return {};
      return fail(ErrorKind::environment, "'" + line + "': " + process::to_string(*ended) + ":\n" + tail(path));
    }
    if (interrupted()) {
      child->stop(seconds(5));
      return fail(ErrorKind::interrupted, "interrupted; 'egressproof kind up' goes on from here");
    }
    if (std::chrono::steady_clock::now() < deadline) continue;
    child->stop(seconds(5));
    return fail(ErrorKind::environment,
                "'" + line + "': " + process::to_string(process::TimedOut{limit}) + ":\n" + tail(path));
  }
}

Result<std::vector<std::string>> Site::nodes() const {
  const auto told = process::run_checked(tools_.kind({"get", "nodes", "--name", settings().cluster.name}), seconds(30));
  if (!told) return tl::unexpected(told.error());
  auto nodes = lines_of(*told);
  if (nodes.empty()) return fail(ErrorKind::environment, "cluster '" + settings().cluster.name + "' has no nodes");
  return nodes;
}

Result<bool> is_known(const Site& site) {
  const auto told = process::run_checked(site.tools().kind({"get", "clusters"}), seconds(60));
  if (!told) return tl::unexpected(told.error());
  const auto names = lines_of(*told);
  return std::find(names.begin(), names.end(), site.settings().cluster.name) != names.end();
}

std::string full_reference(const std::string& image) {
  const std::size_t slash = image.find('/');
  const std::string first = image.substr(0, slash);
  const bool registry =
      slash != std::string::npos && (first.find_first_of(".:") != std::string::npos || first == "localhost");
  std::string full =
      registry ? image : "docker.io/" + std::string(slash == std::string::npos ? "library/" : "") + image;
  const std::size_t last = full.rfind('/');
  if (full.find_first_of(":@", last) == std::string::npos) full += ":latest";
  return full;
}

Step cluster_step(const Site& site) {
  return {"cluster", site.settings().deadlines.cluster, {},
          nullptr,   [&] { return act_cluster(site); }, [&] { return await_cluster(site); }};
}

Step network_step(const Site& site) {
  return {"network",
          site.settings().deadlines.network,
          {"kube-system"},
          [&] { return network_inputs(site); },
          [&] { return act_network(site); },
          [&] { return await_network(site); }};
}

Step images_step(const Site& site) {
  return {"images",
          site.settings().deadlines.images,
          {},
          [&] { return images_inputs(site); },
          [&] { return act_images(site); },
          [&] { return await_images(site); }};
}

}  // namespace egressproof::backend::cluster
