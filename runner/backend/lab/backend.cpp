#include <unistd.h>

#include "runner/backend/lab/lab.h"
#include "runner/backend/lab/nftables.h"
#include "runner/backend/lab/topology.h"
#include "runner/backend/lab/world.h"

namespace egressproof::backend::lab {
namespace {

constexpr std::chrono::milliseconds command_limit{30000};

bool is_there(const std::filesystem::path& path) {
  std::error_code code;
  return std::filesystem::exists(path, code);
}

// What the lab asks of the kernel, each thing once, in a namespace that ends with this call.
Result<void> try_kernel(const std::filesystem::path& sandbox) {
  auto scratch = Netns::create();
  if (!scratch) return tl::unexpected(scratch.error());
  struct Need {
    const char* what;
    std::vector<std::string> argv;
    const char* input;
  };
  const std::vector<std::string> in_namespace{sandbox.string(), "--netns", scratch->path()};
  for (const Need& need :
       {Need{"namespaces of processes and mounts", {"--pid", "--", "true"}, ""},
        Need{"a bridge and veth pairs (iproute2)",
             {"--", "ip", "-batch", "-"},
             "link add br0 type bridge\nlink add v0 type veth peer name eth0\nlink set v0 master br0\n"},
        Need{"packet filter rules by owner (iptables)",
             {"--", "iptables-restore"},
             "*nat\n-A OUTPUT -p tcp -m owner --uid-owner 1337 -j RETURN\n-A OUTPUT -p tcp -j REDIRECT --to-ports 1\n"
             "COMMIT\n"}}) {
    process::Command command;
    command.argv = in_namespace;
    command.argv.insert(command.argv.end(), need.argv.begin(), need.argv.end());
    if (auto tried = process::run_checked(command, command_limit, need.input); !tried) {
      Error error = tried.error();
      error.context.push_back(std::string("while trying whether the lab can have ") + need.what);
      return tl::unexpected(std::move(error));
    }
  }
  return {};
}

// Whether NetworkPolicy can be had: nftables with the sets and matches that its rulesets need.
bool has_network_policy(const std::filesystem::path& sandbox) {
  const auto scratch = Netns::create();
  const auto ruleset = nft_ruleset({}, {}, {});
  if (!scratch || !ruleset) return false;
  process::Command command;
  command.argv = {sandbox.string(), "--netns", scratch->path(), "--"};
  for (const std::string& word : nft_load_arguments()) command.argv.push_back(word);
  return process::run_checked(command, command_limit, *ruleset).has_value();
}

// Whether datagrams to every port of a fixture can be had.
bool has_udp(const std::filesystem::path& sandbox) {
  const auto scratch = Netns::create();
  if (!scratch) return false;
  scenario::Fixture every;
  every.every_port = true;
  every.addresses = {"198.51.100.66", "2001:db8:51::66"};
  for (const bool ipv6 : {false, true}) {
    process::Command command;
    command.argv = {sandbox.string(), "--netns", scratch->path(), "--", ipv6 ? "ip6tables-restore" : "iptables-restore",
                    "--noflush"};
    if (!process::run_checked(command, command_limit, udp_rules({every}, ipv6))) return false;
  }
  return true;
}

// Whether the pods' processes can be let send echo requests.
bool has_icmp(const std::filesystem::path& sandbox) {
  const auto scratch = Netns::create();
  if (!scratch) return false;
  process::Command command;
  command.argv = {sandbox.string(), "--netns", scratch->path(), "--", "tee", "/proc/sys/net/ipv4/ping_group_range"};
  return process::run_checked(command, command_limit, "0 2147483647").has_value();
}

class LabBackend : public Backend {
 public:
  explicit LabBackend(Settings settings) : settings_(std::move(settings)) {}

  [[nodiscard]] std::string name() const override { return "lab"; }

  Result<plan::Capabilities> detect() override {
    if (::geteuid() != 0)
      return fail(ErrorKind::environment,
                  "the lab needs root: it makes network namespaces and loads packet filter rules");
    for (const char* program : {"lab-istiod", "pilot-agent", "envoy", "envoy_bootstrap.json"})
      if (!is_there(settings_.toolchain / program))
        return fail(ErrorKind::environment, "the lab's toolchain lacks '" + (settings_.toolchain / program).string() +
                                                "': run 'make setup' (or name its folder with --toolchain)");
    for (const char* program : {"egressproof-sandbox", "egressproof-target", "egressproof-probe"})
      if (!is_there(settings_.programs / program))
        return fail(ErrorKind::environment,
                    "'" + (settings_.programs / program).string() + "' is missing: run 'make build'");
    if (auto tried = try_kernel(settings_.programs / "egressproof-sandbox"); !tried)
      return tl::unexpected(tried.error());
    plan::Capabilities capabilities{
        "lab",
        {"netns", "capabilities", "workloads", "inbound", "policy-changes", "capture-port-log", "creation-times",
         "workload-certificate", "record-changes", "mesh-fetches", "kernel-witness"}};
    if (has_udp(settings_.programs / "egressproof-sandbox")) capabilities.features.insert("udp");
    if (has_icmp(settings_.programs / "egressproof-sandbox")) capabilities.features.insert("icmp");
    capabilities.features.insert("ipv6");  // its namespaces have both families
    if (is_there(settings_.toolchain / "istioctl"))
      capabilities.features.insert({"pod-template", "pod-acts", "ipv6-pods"});
    else
      capabilities.why_not["pod-template"] = capabilities.why_not["pod-acts"] =
          "the toolchain lacks istioctl, whose injector makes pods of cases: run 'make setup'";
    if (has_network_policy(settings_.programs / "egressproof-sandbox")) capabilities.features.insert("network-policy");
    return capabilities;
  }

  Result<std::unique_ptr<World>> open(const Blueprint& blueprint, const Progress& progress) override {
    if (auto cleaned = clean_leftovers(); !cleaned && progress) progress(to_string(cleaned.error()));
    return LabWorld::open(settings_, blueprint, progress);
  }

 private:
  Settings settings_;
};

}  // namespace

std::unique_ptr<Backend> make(const Settings& settings) { return std::make_unique<LabBackend>(settings); }

}  // namespace egressproof::backend::lab
