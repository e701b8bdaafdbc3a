// What the lab needs for datagrams: rules of the world, and drops of echo requests.
#include <gtest/gtest.h>

#include "runner/backend/lab/nftables.h"
#include "runner/backend/lab/topology.h"
#include "runner/backend/lab/world.h"

namespace egressproof::backend::lab {
namespace {

TEST(LabDatagrams, EveryPortFixturesGetTheirsByTproxy) {
  scenario::Fixture sink;
  sink.every_port = true;
  sink.addresses = {"198.51.100.66", "2001:db8:51::66"};
  scenario::Fixture allow;
  allow.addresses = {"198.51.100.10"};
  EXPECT_EQ(udp_rules({allow, sink}, false),
            "*mangle\n-A PREROUTING -d 198.51.100.66/32 -p udp -j TPROXY --on-port 19998 --on-ip 0.0.0.0\nCOMMIT\n");
  EXPECT_EQ(udp_rules({allow, sink}, true),
            "*mangle\n-A PREROUTING -d 2001:db8:51::66/128 -p udp -j TPROXY --on-port 19998 --on-ip ::\nCOMMIT\n");
}

TEST(LabDatagrams, ADroppedEchoRequestIsTheEndsOfItsIdentifier) {
  const auto drops = parse_nft_drops(
      R"({"nftables": [{"set": {"family": "bridge", "table": "egressproof", "name": "dropped_echo4", "elem": [)"
      R"({"elem": {"val": {"concat": ["203.0.113.10", "198.51.100.66", 4711]}, "expires": 3590}}]}}]})",
      std::chrono::seconds(1000));
  ASSERT_TRUE(drops) << to_string(drops.error());
  ASSERT_EQ(drops->size(), 1U);
  EXPECT_EQ(drops->at(0).protocol, "icmp");
  EXPECT_EQ(drops->at(0).source, "203.0.113.10:4711");
  EXPECT_EQ(drops->at(0).destination, "198.51.100.66:0") << "as the probe tells its peer";
}

TEST(LabDatagrams, AnExtraProbeHasItsCapabilities) {
  const std::vector<PodPlace> pods{{"P2", "203.0.113.10", "", "tenant-p2", "default", true}};
  ExtraProbe raw{"P2", "P2@0:0,NET_RAW", 0, 0};
  raw.capabilities = {"NET_RAW"};
  const auto places = place_probes(pods, {raw});
  ASSERT_TRUE(places);
  EXPECT_TRUE(places->front().capabilities.empty());
  EXPECT_EQ(places->back().capabilities, raw.capabilities);
}

}  // namespace
}  // namespace egressproof::backend::lab
