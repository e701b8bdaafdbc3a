// The lab as Kubernetes sees it, and dropped packets as records of the attempts that they were of.
#include "runner/backend/lab/network_places.h"

#include <gtest/gtest.h>

#include "runner/policy/network_drop.h"

namespace egressproof::backend::lab {
namespace {

using policy::MeshRecord;
using std::chrono::milliseconds;

std::vector<PodPlace> places() {
  scenario::Profile p7;
  p7.name = "P7";
  p7.ns = "tenant-p7";
  p7.gateway = "egress-p7";
  auto placed = place_pods({p7}, true);
  EXPECT_TRUE(placed);
  return placed.value_or(std::vector<PodPlace>());
}

TEST(NetworkPlaces, PodsAndWhatAPolicyMustBeAbleToName) {
  const policy::Cluster cluster = cluster_of(places());
  ASSERT_EQ(cluster.pods.size(), 4U);
  EXPECT_EQ(cluster.pods[0].ns, "tenant-p7");
  EXPECT_EQ(cluster.pods[0].labels.at("app"), "probe");
  EXPECT_EQ(cluster.pods[0].addresses, (std::vector<std::string>{"203.0.113.10", "2001:db8:113::a"}));
  EXPECT_EQ(cluster.pods[1].labels.at("istio"), "egress-p7");
  EXPECT_EQ(cluster.pods[2].labels.at("k8s-app"), "kube-dns");
  EXPECT_EQ(cluster.pods[2].addresses, (std::vector<std::string>{world_address, world_address6}));
  EXPECT_EQ(cluster.pods[3].ns, "istio-system");
  EXPECT_EQ(cluster.pods[3].labels.at("app"), "istiod");
  EXPECT_EQ(cluster.pods[3].addresses, (std::vector<std::string>{istiod_address, istiod_address6}));
  for (const policy::Pod& pod : cluster.pods) EXPECT_EQ(cluster.namespaces.count(pod.ns), 1U) << pod.ns;
  const PodInterfaces interfaces = interfaces_of(places());
  EXPECT_EQ(interfaces.at("tenant-p7/probe-tenant-p7"), "v1");
  EXPECT_EQ(interfaces.at("egress-p7/probe-egress-p7"), "v2");
}

TEST(NetworkPlaces, APolicyThatSelectsNoPodIsNamed) {
  policy::NetworkPolicy policy;
  policy.ns = "tenant-p7";
  policy.name = "only-gateway";
  policy.egress = true;
  EXPECT_TRUE(idle_policies({policy}, cluster_of(places())).empty());
  policy.pod_selector.match_labels = {{"app", "prob"}};
  EXPECT_EQ(idle_policies({policy}, cluster_of(places())),
            std::vector<std::string>{"NetworkPolicy 'tenant-p7/only-gateway' selects no pod"});
}

DroppedPacket drop(const std::string& source, const std::string& destination, int at_ms = 10000) {
  return {"tcp", source, destination, milliseconds(at_ms)};
}

TEST(DropRecords, OneForEachPacketOfAPod) {
  const auto records = drop_records(
      {drop("203.0.113.10:20001", "198.51.100.66:443"), drop("[2001:db8:113::a]:20002", "[2001:db8:51::66]:80"),
       drop("203.0.113.99:20001", "198.51.100.66:443")},
      places(), {}, {});
  ASSERT_EQ(records.size(), 2U) << "the third is of no pod";
  EXPECT_EQ(records[0].proxy, "P7.netpol");
  EXPECT_EQ(records[0].downstream, "203.0.113.10:20001");
  EXPECT_EQ(records[0].destination, "198.51.100.66:443");
  EXPECT_EQ(records[0].details, policy::network_policy_drop);
  EXPECT_EQ(records[0].at, milliseconds(10000));
  EXPECT_EQ(records[1].downstream, "[2001:db8:113::a]:20002");
}

TEST(DropRecords, ByTheClusterIpThatWasDialled) {
  const std::vector<DroppedPacket> drops{drop("203.0.113.10:20001", "203.0.113.11:8080")};
  const auto records = drop_records(drops, places(), {{{"203.0.113.10:20001", "192.0.2.225:80"}, 1}}, {});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].destination, "192.0.2.225:80");
  EXPECT_EQ(drop_records(drops, places(), {{{"203.0.113.10:20002", "192.0.2.225:80"}, 1}}, {})[0].destination,
            "203.0.113.11:8080")
      << "somebody else's";
}

TEST(DropRecords, NoneForEndsThatWereUsedTwice) {
  const std::vector<DroppedPacket> drops{drop("203.0.113.10:20001", "198.51.100.66:443")};
  const std::pair<std::string, std::string> ends{"203.0.113.10:20001", "198.51.100.66:443"};
  EXPECT_EQ(drop_records(drops, places(), {{ends, 1}}, {}).size(), 1U);
  EXPECT_TRUE(drop_records(drops, places(), {{ends, 2}}, {}).empty());
}

MeshRecord request(const std::string& nonce, const std::string& upstream_local = "") {
  MeshRecord record;
  record.proxy = "P7.gateway";
  record.at = milliseconds(9900);
  record.nonce = nonce;
  record.downstream = "203.0.113.10:40000";
  record.destination = "203.0.113.11:8080";
  record.upstream = "198.51.100.169:80";
  record.upstream_local = upstream_local;
  return record;
}

// Those of requests.
std::vector<MeshRecord> of_requests(const std::vector<DroppedPacket>& drops, const std::vector<MeshRecord>& logged) {
  std::vector<MeshRecord> found;
  for (MeshRecord& record : drop_records(drops, places(), {}, logged))
    if (!record.upstream.empty()) found.push_back(std::move(record));
  return found;
}

TEST(DropRecords, AGatewaysDroppedConnectionIsToldForTheRequestThatItWasFor) {
  const DroppedPacket dropped = drop("203.0.113.11:50000", "198.51.100.169:80");
  const auto records = of_requests({dropped}, {request("a")});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].proxy, "P7.gateway.netpol");
  EXPECT_EQ(records[0].nonce, "a");
  EXPECT_EQ(records[0].downstream, "203.0.113.10:40000");
  EXPECT_EQ(records[0].upstream, "198.51.100.169:80");
  EXPECT_EQ(records[0].details, policy::network_policy_drop);
}

TEST(DropRecords, ARequestThatMayHaveFailedOtherwiseHasNone) {
  const DroppedPacket dropped = drop("203.0.113.11:50000", "198.51.100.169:80");
  EXPECT_TRUE(of_requests({dropped}, {request("a"), request("b")}).empty()) << "two requests, one packet";
  EXPECT_EQ(
      of_requests({dropped, drop("203.0.113.11:50001", "198.51.100.169:80")}, {request("a"), request("b")}).size(), 2U);
  EXPECT_TRUE(of_requests({dropped}, {request("a"), request("b", "203.0.113.11:50002")}).empty())
      << "another connection to that address was made";
  EXPECT_TRUE(of_requests({drop("203.0.113.11:50000", "198.51.100.170:80")}, {request("a")}).empty());
  EXPECT_TRUE(of_requests({drop("203.0.113.11:50000", "198.51.100.169:80", 20000)}, {request("a")}).empty()) << "later";
  EXPECT_TRUE(of_requests({drop("203.0.113.11:50000", "198.51.100.169:80", 5000)}, {request("a")}).empty())
      << "earlier";
}

}  // namespace
}  // namespace egressproof::backend::lab
