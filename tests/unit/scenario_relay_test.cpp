// Fixtures that relay to another.
#include <gtest/gtest.h>

#include "runner/scenario/names.h"
#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

TEST(ScenarioRelay, MayStandAboveWhomItRelaysTo) {
  const testing::Folder folder;
  folder.copy(testing::data / "valid");
  std::string text = folder.read("fixtures.yaml");
  const std::string above = "fixtures:\n";
  text.insert(text.find("\n" + above) + 1 + above.size(),
              "  relay: {addresses: [198.51.100.77], ports: [443, 80], names: [relay.test], relays-to: deny}\n");
  folder.write("fixtures.yaml", text);
  const Loaded loaded = folder.load();
  EXPECT_EQ(folder.messages(loaded), "");
  const Fixture* relay = find_fixture(loaded.suite, "relay");
  ASSERT_NE(relay, nullptr);
  EXPECT_EQ(relay->relays_to, "deny");
  EXPECT_EQ(find_fixture(loaded.suite, "deny")->relays_to, "");
}

}  // namespace
}  // namespace egressproof::scenario
