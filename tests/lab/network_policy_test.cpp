// NetworkPolicy over the real parts, as it should be and with something deliberately wrong: where it does not bind,
// that shows past the sidecar, and no cell passes because the sidecar denied as well.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/files.h"
#include "runner/process/child.h"
#include "runner/run/pipeline.h"
#include "runner/scenario/loader.h"
#include "tests/lab/support.h"

namespace egressproof::run {
namespace {

using ::testing::HasSubstr;

scenario::Suite shipped() {
  scenario::Loaded loaded = scenario::load({EGRESSPROOF_SOURCE_DIR "/scenarios"});
  for (const Diagnostic& one : loaded.diagnostics) ADD_FAILURE() << scenario::render(one);
  return std::move(loaded.suite);
}

// What is done to the NetworkPolicy of P7's own namespace.
scenario::Suite with_policy(const std::function<void(std::vector<scenario::PolicyObject>&, std::size_t)>& change) {
  scenario::Suite suite = shipped();
  for (scenario::Profile& profile : suite.profiles) {
    const auto policy = std::find_if(profile.policies.begin(), profile.policies.end(),
                                     [](const auto& object) { return object.kind == "NetworkPolicy"; });
    if (profile.name == "P7" && policy != profile.policies.end())
      change(profile.policies, static_cast<std::size_t>(policy - profile.policies.begin()));
  }
  return suite;
}

using AtPhase = std::function<void(Phase)>;

// Two denials of P7, each through the sidecar and past it, and a capture evasion. What is expected is what ships.
report::Report run_p7(const scenario::Suite& suite, const AtPhase& at_phase = {}) {
  const backend::lab::Settings settings = backend::lab::settings();
  const auto backend = backend::lab::make(settings);
  const auto capabilities = backend->detect();
  if (!capabilities) {
    ADD_FAILURE() << to_string(capabilities.error());
    return {};
  }
  plan::Capabilities all = *capabilities;
  all.features.insert("network-policy");  // so that nothing is skipped
  plan::Selection selection;
  selection.cases = {"baseline/allow-exact-http",
                     "baseline/deny-unlisted-http",
                     "baseline/deny-raw-tcp",
                     "baseline/past-proxy.deny-unlisted-http",
                     "baseline/past-proxy.deny-raw-tcp",
                     "evasion/uid-1337"};
  selection.profiles = {"P0", "P7"};
  scenario::Suite expected = shipped();
  expected.profiles = suite.profiles;
  const auto plan = plan::make(expected, selection, all, "network-policy");
  if (!plan) {
    ADD_FAILURE() << to_string(plan.error());
    return {};
  }
  Options options;
  options.run_id = settings.run_id;
  options.enforcement_limit = std::chrono::milliseconds(3000);
  Phase last = Phase::open;
  std::string folder;
  options.on_folder = [&](const std::string& path) { folder = path; };
  options.on_phase = [&](Phase phase, const std::string&) {
    if (phase != last && at_phase) at_phase(phase);
    last = phase;
  };
  report::Report report = execute(suite, *plan, *backend, options);
  if (!::testing::Test::HasFailure()) std::filesystem::remove_all(folder);  // a failed apply keeps it
  return report;
}

const verdict::Finding* finding(const report::Report& report, const std::string& case_id) {
  for (const verdict::Finding& one : report.judged.findings)
    if (one.case_id == case_id && one.profile == "P7") return &one;
  return nullptr;
}

// "VERDICT status by layer".
std::string told(const report::Report& report, const std::string& case_id) {
  const verdict::Finding* one = finding(report, case_id);
  if (one == nullptr) return "no finding";
  return verdict::to_string(one->verdict) + " " + verdict::to_string(one->status) + " by " +
         verdict::to_string(one->layer);
}

std::string all_errors(const report::Report& report) {
  std::string all = report.aborted;
  for (const std::string& one : report.evidence.errors) all += one + "\n";
  return all;
}

int passes(const report::Report& report) {
  return static_cast<int>(std::count_if(
      report.judged.findings.begin(), report.judged.findings.end(),
      [](const verdict::Finding& one) { return one.profile == "P7" && one.status == verdict::Status::pass; }));
}

TEST(LabNetworkPolicy, BothLayersDenyAndEachIsProvenByItsOwnRecord) {
  const report::Report report = run_p7(shipped());
  EXPECT_EQ(report.exit_code, 0) << all_errors(report);
  EXPECT_EQ(told(report, "allow-exact-http"), "ALLOW pass by none");
  EXPECT_EQ(told(report, "deny-unlisted-http"), "DENY pass by sidecar");
  EXPECT_EQ(told(report, "deny-raw-tcp"), "DENY pass by sidecar");
  EXPECT_EQ(told(report, "past-proxy.deny-unlisted-http"), "DENY pass by network-policy");
  EXPECT_EQ(told(report, "past-proxy.deny-raw-tcp"), "DENY pass by network-policy");
  EXPECT_EQ(told(report, "uid-1337.http"), "DENY pass by network-policy");
}

TEST(LabNetworkPolicy, ALabelTypoIsNoPass) {
  const report::Report report = run_p7(with_policy([](auto& policies, std::size_t at) {
    std::string& yaml = policies[at].yaml;
    const std::size_t selector = yaml.find("podSelector: {}");
    ASSERT_NE(selector, std::string::npos);
    yaml.replace(selector, 15, "podSelector: {matchLabels: {app: prob}}");
  }));
  EXPECT_EQ(told(report, "past-proxy.deny-unlisted-http"), "LEAK fail by none");
  EXPECT_EQ(told(report, "uid-1337.raw"), "LEAK fail by none");
  EXPECT_EQ(passes(report), 0) << "what the sidecar denies is not in force either";
  EXPECT_THAT(all_errors(report), HasSubstr("P7: the unlisted canary is allowed past the proxy"));
  EXPECT_THAT(all_errors(report), HasSubstr("NetworkPolicy 'tenant-p7/only-egress-gateway' selects no pod"));
  EXPECT_NE(report.exit_code, 0);
}

TEST(LabNetworkPolicy, APolicyThatWasForgottenIsALeak) {
  const report::Report report = run_p7(with_policy(
      [](auto& policies, std::size_t at) { policies.erase(policies.begin() + static_cast<std::ptrdiff_t>(at)); }));
  EXPECT_EQ(told(report, "past-proxy.deny-raw-tcp"), "LEAK fail by none");
  EXPECT_EQ(told(report, "uid-1337.tls"), "LEAK fail by none");
  EXPECT_EQ(report.exit_code, 1);
}

// Mounts of this program are nobody else's; before the thread is there that starts all children.
const bool own_mounts = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;

// A script stands where the program `nft` was, for this program and what it starts, while this lives.
class FakeNft {
 public:
  explicit FakeNft(const std::string& script) {
    std::string name = (std::filesystem::temp_directory_path() / "egressproof-nft-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    EXPECT_EQ(::fchmod(fd, 0755), 0);
    ::close(fd);
    std::ofstream(name) << "#!/bin/sh\n" + script + "\n";
    script_ = name;
    for (const char* path : {"/usr/sbin/nft", "/usr/bin/nft"})
      if (std::filesystem::exists(path)) real_ = path;
    EXPECT_TRUE(own_mounts);
    EXPECT_EQ(::mount(script_.c_str(), real_.c_str(), nullptr, MS_BIND, nullptr), 0) << std::strerror(errno);
  }
  FakeNft(const FakeNft&) = delete;
  FakeNft& operator=(const FakeNft&) = delete;
  ~FakeNft() {
    EXPECT_EQ(::umount2(real_.c_str(), MNT_DETACH), 0);
    std::filesystem::remove(script_);
  }

 private:
  std::string script_, real_;
};

TEST(LabNetworkPolicy, APluginThatSilentlyDoesNothingIsNoPass) {
  const FakeNft nft("cat > /dev/null");
  const report::Report report = run_p7(shipped());
  EXPECT_EQ(told(report, "past-proxy.deny-raw-tcp"), "LEAK fail by none");
  EXPECT_EQ(passes(report), 0);
  EXPECT_THAT(all_errors(report), HasSubstr("the network plugin does not enforce NetworkPolicy"));
  EXPECT_NE(report.exit_code, 0);
}

TEST(LabNetworkPolicy, APluginThatFailsEndsTheRun) {
  const FakeNft nft("echo 'Operation not supported' >&2; exit 1");
  const report::Report report = run_p7(shipped());
  EXPECT_THAT(report.aborted, HasSubstr("Operation not supported"));
  EXPECT_THAT(report.aborted, HasSubstr("while loading NetworkPolicy into nftables"));
  EXPECT_EQ(report.exit_code, 3);
  EXPECT_EQ(passes(report), 0);
}

TEST(LabNetworkPolicy, RulesThatAreFlushedWhileProbingShow) {
  const report::Report report = run_p7(shipped(), [](Phase phase) {
    if (phase != Phase::probes) return;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto line = read_file(entry.path() / "cmdline");
      if (!line || line->find("egressproof-target") == std::string::npos ||
          line->find("egressproof-sandbox") != std::string::npos ||
          line->find("egressproof-test-") == std::string::npos)
        continue;
      process::Command command;
      command.argv = {"nsenter",    "--net=" + (entry.path() / "ns/net").string(), "nft", "delete", "table", "bridge",
                      "egressproof"};
      EXPECT_TRUE(process::run_checked(command, std::chrono::seconds(5)));
    }
  });
  EXPECT_EQ(told(report, "past-proxy.deny-raw-tcp"), "LEAK fail by none");
  EXPECT_EQ(passes(report), 0);
  EXPECT_THAT(all_errors(report), HasSubstr("the policy changed while probing: P7"));
  EXPECT_NE(report.exit_code, 0);
}

}  // namespace
}  // namespace egressproof::run
