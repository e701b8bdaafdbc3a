#include <gtest/gtest.h>

#include "base/json.h"
#include "runner/backend/mesh/access_log.h"
#include "runner/backend/mesh/proxy_status.h"

namespace egressproof::backend::mesh {
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

TEST(ProxyStatusTest, OnlyRejectionsThatWereNotThereBeforeAreNews) {
  const auto old = parse_syncz(syncz(1, 1, "old"));
  EXPECT_EQ(new_rejections(*old, *old), std::vector<std::string>{});
  EXPECT_EQ(new_rejections(*old, *parse_syncz(syncz(2, 1, "new"))).front(), "proxy p.ns rejected Cluster: new");
  EXPECT_EQ(unacknowledged(*parse_syncz(syncz(2, 1, "old")), {"p.ns"}, 1),
            "proxy p.ns: Cluster of push 2 not acknowledged, rejected: old");
}

TEST(ProxyStatusTest, EnvoyMustUseTheMarker) {
  const std::string active = R"({"configs":[{"@type":"t","cluster":{"name":"m"}}]})";
  const std::string none = R"({"configs":[]})";
  const std::string listeners = R"({"configs":[{"@type":"t","name":"l"}]})";
  EXPECT_EQ(not_active({active, none, listeners}, "m"), "");
  EXPECT_EQ(not_active({active, none, listeners}, "n"), "cluster 'n' is not active");
  EXPECT_EQ(not_active({none, none, active}, "m"), "cluster 'm' is not active");
  EXPECT_EQ(not_active({none, active, listeners}, "m"), "'m' is still warming");
  EXPECT_EQ(not_active({active, none, R"({"configs":[{"name":"l","warming_state":{"version_info":"2"}}]})"}, "m"),
            "'l' is still warming");
  EXPECT_EQ(not_active({active, none, R"({"configs":[{"name":"l","error_state":{"details":"why"}}]})"}, "m"),
            "'l' was rejected: why");
  EXPECT_EQ(not_active({active, "not found", listeners}, "m"), "Envoy's config_dump is not a JSON object");
}

TEST(ProxyStatusTest, MarkerIsQuotedForARegexInAQuery) {
  EXPECT_NE(activity_queries("outbound|1||a.b").front().find("name_regex=outbound%5C%7C1%5C%7C%5C%7Ca%5C.b"),
            std::string::npos)
      << activity_queries("outbound|1||a.b").front();
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

policy::MeshRecord record(const std::string& downstream, const std::string& destination) {
  policy::MeshRecord made;
  made.downstream = downstream;
  made.destination = destination;
  return made;
}

// As istiod 1.31 configures it with accessLogEncoding JSON.
TEST(AccessLogTest, IstiosOwnFormatIsReadToo) {
  const std::string nonce = "0123456789abcdef0123456789abcdef";
  const Json line = {{"start_time", "2026-11-24T23:40:07.668Z"},
                     {"route_name", "block_all"},
                     {"method", "GET"},
                     {"path", "/r/" + nonce},
                     {"response_code", 502},
                     {"response_flags", "-"},
                     {"response_code_details", "direct_response"},
                     {"connection_termination_details", nullptr},
                     {"authority", "deny.test"},
                     {"upstream_host", nullptr},
                     {"upstream_cluster", "BlackHoleCluster"},
                     {"upstream_local_address", "10.0.0.2:4"},
                     {"downstream_local_address", "10.0.0.9:80"},
                     {"downstream_remote_address", "10.0.0.2:20001"},
                     {"requested_server_name", "a.test"},
                     {"upstream_transport_failure_reason", "x"}};
  const AccessLog log = parse_access_log("P2", line.dump() + "\n");
  ASSERT_EQ(log.records.size(), 1U);
  const policy::MeshRecord& record = log.records.front();
  EXPECT_EQ(record.at.count(), 1795563607668000);
  EXPECT_EQ(record.nonce, nonce);
  EXPECT_EQ(record.route, "block_all");
  EXPECT_EQ(record.code, 502);
  EXPECT_EQ(record.flags, "");
  EXPECT_EQ(record.details, "direct_response");
  EXPECT_EQ(record.termination, "");
  EXPECT_EQ(record.upstream, "");
  EXPECT_EQ(record.cluster, "BlackHoleCluster");
  EXPECT_EQ(record.upstream_local, "10.0.0.2:4");
  EXPECT_EQ(record.destination, "10.0.0.9:80");
  EXPECT_EQ(record.downstream, "10.0.0.2:20001");
  EXPECT_EQ(record.sni, "a.test");
  EXPECT_EQ(record.authority, "deny.test");
  EXPECT_EQ(record.transport_failure, "x");
  Json other = line;
  other["path"] = "/r/" + nonce + "0";  // 33 digits are no nonce
  EXPECT_EQ(parse_access_log("P2", other.dump() + "\n").records.front().nonce, "");
}

TEST(AccessLogTest, EveryConnectionNeedsARecordOfItsOwn) {
  const std::string http = "198.51.100.10:80";
  const std::string tls = "198.51.100.10:443";
  const ExpectedRecords expected{{{"pod:1000", http}, 1}, {{"pod:1000", tls}, 1}, {{"pod:1001", tls}, 1}};
  const auto first = record("pod:1000", http);
  const auto second = record("pod:1001", tls);
  EXPECT_EQ(without_record(expected, {}), 3);
  EXPECT_EQ(without_record(expected, {first, second}), 1);
  // A second record of the same connection does not stand for another connection.
  EXPECT_EQ(without_record(expected, {first, second, second}), 1);
  // REDIRECT gave the connection another port, because 1000 was in use; the destination tells whose it is.
  EXPECT_EQ(without_record(expected, {first, second, record("pod:52000", tls)}), 0);
  EXPECT_EQ(without_record(expected, {first, second, record("pod:52000", http)}), 1);
}

}  // namespace
}  // namespace egressproof::backend::mesh
