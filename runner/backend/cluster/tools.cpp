#include "runner/backend/cluster/tools.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <regex>
#include <sstream>

namespace egressproof::backend::cluster {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

struct Known {
  const char* name;
  std::vector<std::string> ask;  // for the version
  bool in_toolchain;
  const char* advice;
};

const std::array<Known, 4>& known_tools() {
  static const std::array<Known, 4> all{
      Known{"docker",
            {"version", "--format", "{{.Client.Version}}"},
            false,
            "install Docker Engine (https://docs.docker.com/engine/install/; Debian: apt-get install docker.io)"},
      Known{"kind",
            {"version"},
            false,
            "install kind (https://kind.sigs.k8s.io/docs/user/quick-start/#installation, or: go install "
            "sigs.k8s.io/kind@latest)"},
      Known{"kubectl",
            {"version", "--client"},
            true,
            "install kubectl (https://kubernetes.io/docs/tasks/tools/) or put it into the toolchain's folder"},
      Known{"istioctl",
            {"version", "--remote=false"},
            true,
            "install istioctl (https://istio.io/latest/docs/ops/diagnostic-tools/istioctl/), or let 'make toolchain' "
            "build "
            "it"}};
  return all;
}

// What the four and their credential helpers read; nothing else of the caller's environment reaches them.
bool is_passed_on(const std::string& name) {
  static const std::array<std::string, 16> exact{
      "HOME",          "PATH",         "USER",     "LANG",   "HTTPS_PROXY",    "HTTP_PROXY",      "NO_PROXY",
      "https_proxy",   "http_proxy",   "no_proxy", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
      "SSH_AUTH_SOCK", "SSL_CERT_FILE"};
  return std::find(exact.begin(), exact.end(), name) != exact.end() || name.rfind("DOCKER_", 0) == 0 ||
         name.rfind("KIND_", 0) == 0;
}

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

fs::path find_program(const Known& known, const ToolSearch& search) {
  const auto path = search.environment.find("PATH");
  std::istringstream folders(path == search.environment.end() ? "" : path->second);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && is_program(fs::path(folder) / known.name)) return fs::path(folder) / known.name;
  if (known.in_toolchain && !search.toolchain.empty() && is_program(search.toolchain / known.name))
    return search.toolchain / known.name;
  return {};
}

std::map<std::string, std::string> passed_on(const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> some;
  for (const auto& [name, value] : environment)
    if (is_passed_on(name)) some[name] = value;
  return some;
}

// "v0.33.0" of "kind v0.33.0 go1.26.8 linux/amd64"; the words as they are if none looks like one.
std::string version_in(const std::string& told) {
  static const std::regex pattern(R"(v?\d+\.\d+(\.\d+)?[-+.\w]*)");
  std::smatch match;
  if (std::regex_search(told, match, pattern)) return match.str();
  return told.substr(0, told.find('\n'));
}

}  // namespace

std::vector<Tool> look_for_tools(const ToolSearch& search) {
  std::vector<Tool> found;
  for (const Known& known : known_tools()) {
    Tool tool{known.name, find_program(known, search), "", known.advice};
    if (!tool.path.empty()) {
      process::Command ask;
      ask.argv = {tool.path.string()};
      ask.argv.insert(ask.argv.end(), known.ask.begin(), known.ask.end());
      ask.env = passed_on(search.environment);
      // The engine's server may be down: docker then tells the client's version and fails.
      if (const auto told = process::run(ask, seconds(20))) tool.version = version_in(told->out);
    }
    found.push_back(std::move(tool));
  }
  return found;
}

Result<Tools> Tools::from(const ToolSearch& search, std::vector<Tool> found) {
  std::string missing;
  for (const Tool& tool : found)
    if (tool.path.empty()) missing += "\n  " + tool.name + ": " + tool.advice;
  if (!missing.empty()) return fail(ErrorKind::environment, "programs are missing (not in PATH):" + missing);
  Tools tools;
  tools.all_ = std::move(found);
  tools.environment_ = passed_on(search.environment);
  return tools;
}

const Tool& Tools::tool(const std::string& name) const {
  return *std::find_if(all_.begin(), all_.end(), [&](const Tool& one) { return one.name == name; });
}

process::Command Tools::command(const std::string& name, const std::vector<std::string>& args) const {
  process::Command command;
  command.argv = {tool(name).path.string()};
  command.argv.insert(command.argv.end(), args.begin(), args.end());
  command.env = environment_;
  return command;
}

Kubectl Tools::kubectl(const fs::path& kubeconfig) const { return {tool("kubectl").path, kubeconfig, ""}; }

Result<Engine> ask_engine(const Tools& tools) {
  const auto told = process::run_checked(tools.docker({"info", "--format", "{{json .}}"}), seconds(30));
  if (!told)
    return fail(
        ErrorKind::environment,
        "the container engine does not answer; start it (systemctl start docker), let this user in (group docker), or "
        "set DOCKER_HOST: " +
            told.error().message);
  const Json info = Json::parse(*told, nullptr, false);
  if (!info.is_object()) return fail(ErrorKind::environment, "'docker info' did not tell JSON");
  // With a server that is away, older clients exit with 0 and say so here.
  if (const auto errors = info.find("ServerErrors"); errors != info.end() && errors->is_array() && !errors->empty())
    return fail(ErrorKind::environment, "the container engine does not answer: " + errors->front().dump());
  Engine engine;
  if (const auto text = info.find("ServerVersion"); text != info.end() && text->is_string()) engine.version = *text;
  if (const auto text = info.find("CgroupVersion"); text != info.end() && text->is_string())
    engine.cgroup = *text == "1" ? 1 : *text == "2" ? 2 : 0;
  if (const auto number = info.find("MemTotal"); number != info.end() && number->is_number_unsigned())
    engine.memory = *number;
  return engine;
}

std::optional<std::string> engine_problem(const Engine& engine, const Json& kind_config) {
  constexpr std::uint64_t least_memory = std::uint64_t{4} << 30U;
  if (engine.memory != 0 && engine.memory < least_memory)
    return "the container engine has " + std::to_string(engine.memory >> 20U) +
           " MiB of memory; Kubernetes, Istio and Knative need 4096 MiB";
  if (engine.cgroup != 1) return std::nullopt;
  static const std::regex allowed(R"(failCgroupV1["']?\s*:\s*false)");
  if (std::regex_search(kind_config.dump(), allowed)) return std::nullopt;
  return "this machine has cgroup v1, with which the kubelet of Kubernetes 1.35 and later does not start. Boot it with "
         "systemd.unified_cgroup_hierarchy=1 (cgroup v2), or allow it: a kubeadmConfigPatches entry of kind "
         "KubeletConfiguration with 'failCgroupV1: false' in cluster.kind (docs/kind.md, \"cgroup v1\")";
}

}  // namespace egressproof::backend::cluster
