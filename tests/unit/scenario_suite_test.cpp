// What ships loads: the suite of scenarios/ and every example of docs/scenario-format.md.
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

TEST(ShippedSuite, LoadsWithoutDiagnostics) {
  const Loaded loaded = load({EGRESSPROOF_SOURCE_DIR "/scenarios"});
  for (const Diagnostic& one : loaded.diagnostics) ADD_FAILURE() << render(one);
  EXPECT_FALSE(loaded.suite.scenarios.empty());
  EXPECT_FALSE(loaded.suite.profiles.empty());
}

// The ```yaml blocks, in order.
std::vector<std::string> examples() {
  const std::string text = testing::content_of(EGRESSPROOF_SOURCE_DIR "/docs/scenario-format.md");
  const std::string fence = "```yaml\n";
  std::vector<std::string> blocks;
  for (std::size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    const std::size_t end = text.find("```", at + fence.size());
    blocks.push_back(text.substr(at + fence.size(), end - at - fence.size()));
    at = end;
  }
  return blocks;
}

TEST(FormatDocument, ItsExamplesAreOneSuite) {
  const std::vector<std::string> blocks = examples();
  ASSERT_EQ(blocks.size(), 6U) << "Fixtures, Profiles, Scenario, a profile's change, a reach table and a matrix";
  const testing::Folder folder;
  folder.write("fixtures.yaml", blocks[0]);
  folder.write("profiles.yaml", blocks[1]);
  folder.write("spoof.yaml", blocks[2]);
  // The fifth is a part of a scenario.
  folder.write("reach.yaml",
               "apiVersion: egressproof/v1\nkind: Scenario\nname: reach\ntitle: t\nrequirement: r\n"
               "profiles: [P0, P1, P2, P3, P3v, P4, P5n]\n" +
                   blocks[4]);
  for (const char* name :
       {"registry-only", "allow-dns", "allow-dns-vip", "allow-none", "wildcard-none", "wildcard-dynamic-dns"})
    folder.write("policies/" + std::string(name) + ".yaml",
                 "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: " + std::string(name) + "}\n");
  const Loaded loaded = folder.load();
  EXPECT_EQ(folder.messages(loaded), "");
  EXPECT_EQ(loaded.suite.scenarios.size(), 2U);
}

}  // namespace
}  // namespace egressproof::scenario
