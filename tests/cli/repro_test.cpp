// Ten mistakes in policies (tests/cli/data/mistakes): each is found, and each failing cell can be reproduced.
#include <gmock/gmock.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>

#include "tests/cli/support.h"

namespace egressproof::cli {
namespace {

using ::testing::HasSubstr;

const std::string mistakes = EGRESSPROOF_SOURCE_DIR "/tests/cli/data/mistakes";

Ended in_lab(const Scratch& scratch, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--in-force-within", "60"});
  process::Command made = command(arguments);
  for (const char* name : {"HOME", "XDG_CACHE_HOME", "EGRESSPROOF_TOOLCHAIN"})
    if (const char* value = std::getenv(name); value != nullptr) made.env[name] = value;
  std::filesystem::create_directories(scratch.path("tmp"));
  std::filesystem::permissions(scratch.path("."), std::filesystem::perms(0755));  // workloads are not root
  made.env["TMPDIR"] = scratch.path("tmp");
  return run(made);
}

// The script of an unpacked bundle.
Ended run_script(const Scratch& scratch, const std::string& name) {
  process::Command script;
  script.argv = {scratch.path(name), "--in-force-within", "60"};
  script.env = {{"EGRESSPROOF", program}, {"TMPDIR", scratch.path("tmp")}};
  for (const char* variable : {"HOME", "XDG_CACHE_HOME", "EGRESSPROOF_TOOLCHAIN"})
    if (const char* value = std::getenv(variable); value != nullptr) script.env[variable] = value;
  return run(script);
}

// "B1 deny-http LEAK" of all cells that fail.
std::set<std::string> failing(const Scratch& scratch, const std::string& file) {
  std::set<std::string> cells;
  const Json report = Json::parse(scratch.read(file));
  for (const Json& cell : report["cells"])
    if (cell["status"] == "fail")
      cells.insert(cell["profile"].get<std::string>() + " " + cell["case"].get<std::string>() + " " +
                   cell["verdict"].get<std::string>());
  return cells;
}

const std::set<std::string> known = {"B1 deny-http LEAK",
                                     "B1 deny-raw LEAK",
                                     "B1 deny-tls LEAK",
                                     "B1 other LEAK",
                                     "B10 allow-http FALSE-DENY",
                                     "B10 allow-tls FALSE-DENY",
                                     "B2 deny-http LEAK",
                                     "B2 deny-raw LEAK",
                                     "B2 deny-tls LEAK",
                                     "B2 other LEAK",
                                     "B3 host-spoof LEAK",
                                     "B4 host-spoof LEAK",
                                     "B5 other LEAK",
                                     "B6 allow-http FALSE-DENY",
                                     "B6 allow-tls FALSE-DENY",
                                     "B7 allow-http FALSE-DENY",
                                     "B7 allow-tls FALSE-DENY",
                                     "B8 deny-tls REROUTED",
                                     "B9 allow-http WRONG-PATH",
                                     "B9 allow-tls WRONG-PATH"};

// Packets of a classic pcap file of Ethernet; -1: it is none.
int packets_in(const std::string& bytes, const std::string& payload, bool& found) {
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  if (bytes.size() < 24 || number(0) != 0xa1b2c3d4 || number(20) != 1) return -1;
  int count = 0;
  std::size_t at = 24;
  for (; at + 16 <= bytes.size(); at += 16 + number(at + 8), ++count)
    if (bytes.substr(at + 16, number(at + 8)).find(payload) != std::string::npos) found = true;
  return at == bytes.size() ? count : -1;
}

TEST(LabMistakes, EachFailingCellIsReproducedFromTheReportAndAlone) {
  const Scratch scratch;
  const Ended first = in_lab(scratch, {"run", mistakes, "--json", scratch.path("run.json"), "--quiet"});
  ASSERT_EQ(first.code, 1) << first.err;
  ASSERT_EQ(failing(scratch, "run.json"), known);
  const Ended all =
      in_lab(scratch, {"repro", "--report", scratch.path("run.json"), mistakes, "--json", scratch.path("again.json")});
  EXPECT_EQ(all.code, 1) << all.err;
  EXPECT_THAT(all.out, HasSubstr("reproduced: 20 of 20 cells\n"));
  EXPECT_EQ(failing(scratch, "again.json"), known);
  std::string last;
  for (const std::string& cell : known) {  // one of each profile, by the line that the text report gives
    const std::string profile = cell.substr(0, cell.find(' '));
    const std::string name = cell.substr(profile.size() + 1, cell.rfind(' ') - profile.size() - 1);
    if (profile == last) continue;
    last = profile;
    const Ended alone = in_lab(
        scratch, {"repro", "meant/" + name, mistakes, "--profile", profile, "--json", scratch.path("alone.json")});
    EXPECT_EQ(alone.code, 1) << alone.err;
    EXPECT_EQ(failing(scratch, "alone.json"), (std::set<std::string>{cell}));
  }
}

TEST(LabMistakes, PacketsAreKeptAndTheBundleReproducesByItself) {
  const Scratch scratch;
  const Ended ended = in_lab(
      scratch, {"repro", "meant/host-spoof", mistakes, "--profile", "B3", "--seed", "pcap", "--pcap",
                scratch.path("b3.pcap"), "--bundle", scratch.path("b3.tar.gz"), "--json", scratch.path("b3.json")});
  ASSERT_EQ(ended.code, 1) << ended.err;
  const Json report = Json::parse(scratch.read("b3.json"));
  bool found = false;
  EXPECT_GE(packets_in(scratch.read("b3.pcap"), report["cells"][0]["probe"]["attempt"]["nonce"], found), 5);
  EXPECT_TRUE(found) << "the request with its nonce";
  process::Command unpack;
  unpack.argv = {"tar", "xzf", scratch.path("b3.tar.gz"), "-C", scratch.path(".")};
  ASSERT_EQ(run(unpack).code, 0);
  const Ended again = run_script(scratch, "b3/repro.sh");
  EXPECT_EQ(again.code, 1) << again.err;
  EXPECT_THAT(again.out, HasSubstr("reproduced: 1 of 1 cell\n"));
}

// What was drafted is nowhere but in the bundle, and of the user's manifests some are referenced, some copied.
TEST(LabPolicies, TheBundleOfADraftedSuiteReproducesByItself) {
  const Scratch scratch;
  std::filesystem::copy(EGRESSPROOF_SOURCE_DIR "/examples/tutorial/manifests", scratch.path("deploy"));
  scratch.write("deploy/mesh.yaml",
                "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d, namespace: shop}\n"
                "spec: {host: d.example.com, trafficPolicy: {tls: {mode: SIMPLE}}}\n");
  const std::vector<std::string> policies = {"--policies", scratch.path("deploy")};
  std::vector<std::string> arguments = {"run", "--json", scratch.path("run.json"), "--quiet"};
  arguments.insert(arguments.end(), policies.begin(), policies.end());
  ASSERT_EQ(in_lab(scratch, arguments).code, 1);
  arguments = {"repro", "--report", scratch.path("run.json"), "--bundle", scratch.path("bug.tar.gz")};
  arguments.insert(arguments.end(), policies.begin(), policies.end());
  const Ended ended = in_lab(scratch, arguments);
  ASSERT_EQ(ended.code, 1) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("FINDINGS: 2"));
  EXPECT_THAT(ended.out, HasSubstr("reproduced: 4 of 4 cells\n"));
  process::Command unpack;
  unpack.argv = {"tar", "xzf", scratch.path("bug.tar.gz"), "-C", scratch.path(".")};
  ASSERT_EQ(run(unpack).code, 0);
  std::filesystem::remove_all(scratch.path("deploy"));
  const Ended again = run_script(scratch, "bug/repro.sh");
  EXPECT_EQ(again.code, 1) << again.err;
  EXPECT_THAT(again.out, HasSubstr("reproduced: 4 of 4 cells\n"));
  EXPECT_THAT(scratch.read("bug/suite/profiles.yaml"), HasSubstr("\"../manifests/shop.yaml\""));
  EXPECT_THAT(scratch.read("bug/suite/policies/shop.yaml"), HasSubstr("DestinationRule"));
  EXPECT_FALSE(scratch.has("bug/suite/allowed.yaml")) << "no cell of it is in the report";
}

// Plain HTTP leaves the application, and arrives as TLS that the sidecar checked.
TEST(LabPolicies, ASidecarOriginatesTlsAgainstTheLabsAuthority) {
  const Scratch scratch;
  in_lab(scratch, {"run", "--policies", EGRESSPROOF_SOURCE_DIR "/examples/sidecar-tls-origination/manifests", "--case",
                   "allow-edition-cnn-com-80", "--json", scratch.path("run.json"), "--quiet"});
  const Json cell = Json::parse(scratch.read("run.json"))["cells"][0];
  EXPECT_EQ(cell["verdict"], "ALLOW") << cell["because"];
  EXPECT_FALSE(cell["probe"]["attempt"].value("tls", false));
  bool over_tls = false;
  for (const Json& receipt : cell["probe"]["received"])
    over_tls = over_tls || (receipt.value("kind", "") == "tls" && receipt.value("local", "").ends_with(":443"));
  EXPECT_TRUE(over_tls) << cell["probe"]["received"].dump(1);
}

}  // namespace
}  // namespace egressproof::cli
