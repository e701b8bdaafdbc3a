#include <gtest/gtest.h>

#include "runner/backend/lab/access_log.h"
#include "runner/backend/lab/proxy_status.h"
#include "runner/backend/lab/topology.h"

namespace egressproof::backend::lab {
namespace {

const std::string uuid = "cfbd6ada-99a2-4d97-a6b6-fd56da0bec60";

std::string syncz(int sent, int acked, const std::string& error = "") {
  const auto one = [&](const std::string& type) {
    return "\"type.googleapis.com/envoy.config." + type + "\":{\"sent\":\"2026-11-24T11:23:52Z/" +
           std::to_string(sent) + uuid + "\",\"acked\":\"2026-11-24T11:23:52Z/" + std::to_string(acked) + uuid +
           "\",\"lastError\":\"" + error + "\"}";
  };
  return "[{\"proxy\":\"p.ns\",\"resources\":{" + one("cluster.v3.Cluster") + "," + one("listener.v3.Listener") + "}}]";
}

TEST(ProxyStatusTest, CountersAreReadFromNonces) {
  const auto proxies = parse_syncz(syncz(17, 17));
  ASSERT_TRUE(proxies);
  EXPECT_EQ(highest_push(*proxies), 17U);
  EXPECT_EQ(unacknowledged(*proxies, {"p.ns"}, 16), "");
}

TEST(ProxyStatusTest, WhatIsMissingIsNamed) {
  EXPECT_EQ(unacknowledged(*parse_syncz(syncz(17, 17)), {"p.ns"}, 17), "proxy p.ns: no Cluster sent since push 17");
  EXPECT_EQ(unacknowledged(*parse_syncz(syncz(18, 17)), {"p.ns"}, 17),
            "proxy p.ns: Cluster of push 18 not acknowledged");
  EXPECT_EQ(unacknowledged(*parse_syncz("[]"), {"p.ns"}, 0), "proxy p.ns is not connected to istiod");
  EXPECT_EQ(rejections(*parse_syncz(syncz(1, 1, "bad"))).front(), "proxy p.ns rejected Cluster: bad");
  EXPECT_FALSE(parse_syncz("{}"));
}

TEST(ProxyStatusTest, EnvoyMustUseTheMarker) {
  const std::string active = R"({"configs":[{"dynamic_active_clusters":[{"cluster":{"name":"m"}}]}]})";
  EXPECT_EQ(not_active(active, "m"), "");
  EXPECT_EQ(not_active(active, "n"), "cluster 'n' is not active");
  EXPECT_EQ(not_active(R"({"configs":[{"dynamic_warming_clusters":[{"cluster":{"name":"m"}}]}]})", "m"),
            "'config_dump' is still warming");
  EXPECT_EQ(not_active(R"({"configs":[{"dynamic_listeners":[{"name":"l","error_state":{"details":"why"}}]}]})", "m"),
            "'l' was rejected: why");
}

TEST(AccessLogTest, ReadsRecordsAndCountsBrokenOnes) {
  const std::string good =
      R"({"t":"1700000000.000005","code":502,"flags":"-","route":"block_all","nonce":null,"downstream":"192.0.2.1:5"})";
  const AccessLog log = parse_access_log("P3", "agent line\n" + good + "\n{\"broken\n" + good);
  ASSERT_EQ(log.records.size(), 1U);  // the last line is still being written
  EXPECT_EQ(log.malformed, 1);
  EXPECT_EQ(log.records[0].code, 502);
  EXPECT_EQ(log.records[0].flags, "");
  EXPECT_EQ(log.records[0].at.count(), 1700000000000005);
  EXPECT_EQ(log.records[0].downstream, "192.0.2.1:5");
}

TEST(TopologyTest, EveryPodHasAnAddressOfItsOwnOrAnError) {
  std::vector<scenario::Profile> profiles(245);
  EXPECT_EQ(place_pods(profiles)->back().address, "203.0.113.254");
  profiles.emplace_back();
  EXPECT_EQ(place_pods(profiles).error().message, "the lab has room for 245 pods");
}

}  // namespace
}  // namespace egressproof::backend::lab
