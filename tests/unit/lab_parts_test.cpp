#include <gtest/gtest.h>

#include <atomic>

#include "runner/backend/lab/kernel_counters.h"
#include "runner/backend/lab/mesh_config.h"
#include "runner/backend/lab/parallel.h"
#include "runner/backend/lab/topology.h"
#include "runner/backend/lab/world.h"
#include "runner/backend/target_config.h"

namespace egressproof::backend::lab {
namespace {

constexpr const char* netstat =
    "TcpExt: SyncookiesSent ListenDrops TCPReqQFullDrop\n"
    "TcpExt: 9 4 0\n"
    "IpExt: InNoRoutes ListenDrops\n"
    "IpExt: 7 7\n"
    "Udp: InDatagrams RcvbufErrors\n"
    "Udp: 70 2\n";
constexpr const char* conntrack =
    "entries  clashres found drop\n"
    "00000010 00000000 00000003 0000000a\n"
    "00000010 00000000 00000003 00000010\n";

TEST(KernelCountersTest, OnlyLossesAreReadAndProcessorsAreAdded) {
  EXPECT_EQ(
      parse_kernel_counters(netstat, conntrack),
      (KernelCounters{
          {"TcpExt.ListenDrops", 4}, {"TcpExt.TCPReqQFullDrop", 0}, {"Udp.RcvbufErrors", 2}, {"conntrack.drop", 26}}));
  EXPECT_EQ(parse_kernel_counters("", ""), KernelCounters{});
}

TEST(KernelCountersTest, GrowthIsALoss) {
  const KernelCounters before{{"conntrack.drop", 26}, {"TcpExt.ListenDrops", 4}};
  EXPECT_EQ(kernel_losses("pod P2", before, before), std::vector<std::string>{});
  EXPECT_EQ(kernel_losses("pod P2", before, {{"conntrack.drop", 28}, {"TcpExt.ListenDrops", 4}}),
            std::vector<std::string>{
                "the kernel counts 2 more conntrack.drop in pod P2: connections may have been lost there"});
  // A counter that appears with the first packet filter rule starts at zero.
  EXPECT_EQ(kernel_losses("pod P2", {}, {{"conntrack.drop", 1}}).size(), 1U);
}

TEST(ParallelTest, AllIsDoneAndTheFirstErrorIsTold) {
  std::atomic<int> done{0};
  const auto result = in_parallel(100, [&](std::size_t i) -> Result<void> {
    ++done;
    if (i == 40 || i == 7) return fail(ErrorKind::environment, "number " + std::to_string(i));
    return {};
  });
  EXPECT_EQ(done.load(), 100);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "number 7");
  EXPECT_TRUE(in_parallel(0, [](std::size_t) -> Result<void> { return fail(ErrorKind::internal, "called"); }));
}

scenario::Fixture fixture(const std::string& name, std::vector<std::string> addresses, std::vector<std::string> names) {
  scenario::Fixture made;
  made.name = name;
  made.addresses = std::move(addresses);
  made.names = std::move(names);
  return made;
}

TEST(TargetConfigTest, NamesAndFixturesInRecordsBecomeAddressesOfTheRecordsType) {
  scenario::Suite suite;
  suite.zones = {"test"};
  suite.fixtures = {fixture("a", {"198.51.100.1", "2001:db8::1"}, {"a.test"}),
                    fixture("b", {"198.51.100.2"}, {"b.test"})};
  scenario::Record record;
  record.name = "*.wild.test";
  record.values = {"a", "b", "192.0.2.9"};
  suite.records = {record};
  const auto config = target_config(suite, {{"a", "ka"}, {"b", "kb"}});
  ASSERT_TRUE(config);
  std::map<std::string, std::vector<std::string>> records;
  for (const auto& one : config->records) records[one.name + " " + one.type] = one.values;
  EXPECT_EQ(records, (std::map<std::string, std::vector<std::string>>{
                         {"a.test A", {"198.51.100.1"}},
                         {"a.test AAAA", {"2001:db8::1"}},
                         {"b.test A", {"198.51.100.2"}},
                         {"*.wild.test A", {"198.51.100.1", "198.51.100.2", "192.0.2.9"}}}));
  EXPECT_EQ(config->fixtures[1].key, "kb");
  EXPECT_EQ(target_config(suite, {{"a", "ka"}}).error().message, "fixture 'b' has no key");
}

TEST(TargetConfigTest, WhoRelaysKnowsTheOthersFirstIpv4Address) {
  scenario::Suite suite;
  suite.fixtures = {fixture("relay", {"198.51.100.3"}, {}), fixture("a", {"2001:db8::1", "198.51.100.1"}, {})};
  for (scenario::Fixture& one : suite.fixtures) one.ports = {80};
  suite.fixtures[0].relays_to = "a";
  const auto config = target_config(suite, {{"relay", "kr"}, {"a", "ka"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->fixtures[0].relays_to, "198.51.100.1");
  EXPECT_TRUE(config->fixtures[0].udp_ports.empty()) << "datagrams are not relayed";
  EXPECT_EQ(config->fixtures[1].relays_to, "");
  EXPECT_EQ(config->fixtures[1].udp_ports.size(), 1U);
}

TEST(TopologyTest, WorldHasIpv6OnlyWhereAFixtureHas) {
  scenario::Fixture four = fixture("a", {"198.51.100.1"}, {});
  scenario::Fixture six = fixture("b", {"2001:db8::1"}, {});
  four.every_port = six.every_port = true;
  EXPECT_FALSE(has_ipv6({four}));
  EXPECT_TRUE(has_ipv6({four, six}));
  EXPECT_EQ(world_commands({four}, {}).find("2001:"), std::string::npos);
  EXPECT_NE(world_commands({four, six}, {}).find("addr add 2001:db8:113::1/64 dev br0 nodad\n"), std::string::npos);
  EXPECT_EQ(world_rules({four, six}, true),
            "*nat\n-A PREROUTING -d 2001:db8::1/128 -p tcp -j REDIRECT --to-ports 19999\nCOMMIT\n");
  EXPECT_EQ(world_rules({four, six}, false),
            "*nat\n-A PREROUTING -d 198.51.100.1/32 -p tcp -j REDIRECT --to-ports 19999\nCOMMIT\n");
  // The IPv4 address first: by it Istio decides what it captures.
  const std::string pod = pod_commands("203.0.113.10", "2001:db8:113::a");
  EXPECT_LT(pod.find("203.0.113.10"), pod.find("2001:db8:113::a"));
}

TEST(TopologyTest, APodMayHaveIpv6Alone) {
  const std::string pod = pod_commands("2001:db8:113::a", "");
  EXPECT_NE(pod.find("addr add 2001:db8:113::a/64 dev eth0 nodad\nroute add ::/0 via 2001:db8:113::1\n"),
            std::string::npos);
  EXPECT_EQ(pod.find("203.0.113"), std::string::npos);
  const std::string both = pod_commands("203.0.113.10", "2001:db8:113::a");
  EXPECT_LT(both.find("203.0.113.10"), both.find("2001:db8:113::a")) << "the first decides what is captured";
  PodPlace place;
  place.address = "203.0.113.10";
  EXPECT_EQ(loopback_of(place), "127.0.0.1");
  place.address = "2001:db8:113::a";
  EXPECT_EQ(loopback_of(place), "[::1]");
}

TEST(TopologyTest, TwoProfilesInOneNamespaceAreAnError) {
  std::vector<scenario::Profile> profiles(2);
  profiles[0].name = "P1";
  profiles[1].name = "P2";
  profiles[0].ns = profiles[1].ns = "tenant";
  EXPECT_EQ(place_pods(profiles, false).error().message, "profiles 'P1' and 'P2' share the namespace 'tenant'");
}

TEST(TopologyTest, WorkloadsOfOneNamespaceArePodsOfTheirOwnWithOneGateway) {
  std::vector<scenario::Profile> profiles(2);
  for (scenario::Profile& one : profiles) {
    one.ns = "both";
    one.gateway = "egress";
  }
  profiles[0].name = "Ka";
  profiles[0].workload = "ksvc-a";
  profiles[0].service_account = "account-a";
  profiles[1].name = "Kb";
  profiles[1].workload = "ksvc-b";
  profiles[1].labels = {{"egress", "b"}};
  const auto pods = place_pods(profiles, false);
  ASSERT_TRUE(pods) << to_string(pods.error());
  ASSERT_EQ(pods->size(), 3U);
  EXPECT_EQ((*pods)[2].name, "Ka.gateway");
  EXPECT_EQ((*pods)[0].service_account, "account-a");
  EXPECT_NE(pod_name((*pods)[0]), pod_name((*pods)[1]));
  EXPECT_EQ(labels_of((*pods)[0]).count("egress"), 0U);
  EXPECT_EQ(labels_of((*pods)[1]).at("egress"), "b");
  EXPECT_EQ(labels_of((*pods)[1]).at("serving.knative.dev/service"), "ksvc-b");
  profiles[1].workload = "ksvc-a";
  EXPECT_FALSE(place_pods(profiles, false)) << "istiod could not tell their proxies apart";
}

TEST(TopologyTest, AFixtureInAPodGivesItItsAddress) {
  std::vector<scenario::Profile> profiles(3);
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    profiles[i].name = "K" + std::to_string(i);
    profiles[i].ns = "tenant-" + std::to_string(i);
  }
  scenario::Fixture inside = fixture("revision", {"203.0.113.11"}, {});
  inside.pod = "K2";
  inside.ports = {8012};
  std::vector<scenario::Fixture> fixtures{inside};
  const auto pods = place_pods(profiles, false, fixtures);
  ASSERT_TRUE(pods) << to_string(pods.error());
  EXPECT_EQ((*pods)[0].address, "203.0.113.10");
  EXPECT_EQ((*pods)[1].address, "203.0.113.12") << "the fixture's is taken";
  EXPECT_EQ((*pods)[2].address, "203.0.113.11");
  const std::string service = service_manifests(*pods);
  EXPECT_NE(service.find("revision-private.tenant-2.svc.cluster.local"), std::string::npos);
  EXPECT_NE(service.find("\"security.istio.io/tlsMode\": \"istio\""), std::string::npos);
  EXPECT_EQ(world_commands(fixtures, {}).find("203.0.113.11"), std::string::npos) << "the world must not have it";
  fixtures[0].addresses = {"198.51.100.9"};
  EXPECT_FALSE(place_pods(profiles, false, fixtures)) << "no pod can have it";
}

TEST(TopologyTest, GatewaysComeAfterThePodsAndHaveNoProbe) {
  std::vector<scenario::Profile> profiles(2);
  profiles[0].name = "P6";
  profiles[0].ns = "tenant-p6";
  profiles[0].gateway = "egress-p6";
  profiles[1].name = "P2";
  profiles[1].ns = "tenant-p2";
  const auto pods = place_pods(profiles, false);
  ASSERT_TRUE(pods);
  ASSERT_EQ(pods->size(), 3U);
  EXPECT_EQ((*pods)[2].name, "P6.gateway");
  EXPECT_EQ((*pods)[2].ns, "egress-p6");
  EXPECT_TRUE((*pods)[2].router);
  EXPECT_FALSE((*pods)[0].router);
  const auto probes = place_probes(*pods, {});
  ASSERT_TRUE(probes);
  EXPECT_EQ(probes->size(), 2U);
  EXPECT_EQ(agent_arguments((*pods)[2], {})[2], "router");
  EXPECT_EQ(agent_arguments((*pods)[0], {})[2], "sidecar");
  const std::string service = gateway_manifests(*pods);
  EXPECT_NE(service.find("istio-egressgateway.egress-p6.svc.cluster.local"), std::string::npos);
  EXPECT_NE(service.find("\"tenant-p6\""), std::string::npos) << "exported to the profile that it is for";
  EXPECT_EQ(service.find("serviceAccount"), std::string::npos) << "istiod would take it for one that speaks mTLS";
  profiles[1].ns = "egress-p6";
  EXPECT_FALSE(place_pods(profiles, false)) << "a namespace is one pod's";
}

TEST(ProbePlacesTest, WhoeverHasTheProxysUserOrGroupIsNotCaptured) {
  const std::vector<PodPlace> pods{{"P0", "203.0.113.10", "", "plain", "default", false},
                                   {"P2", "203.0.113.11", "", "closed", "default", true}};
  const auto places = place_probes(
      pods, {{"P2", "u", 1337, 1000}, {"P2", "g", 1000, 1337}, {"P2", "o", 2000, 2000}, {"P0", "p", 2000, 2000}});
  ASSERT_TRUE(places);
  std::map<std::string, bool> captured;
  for (const ProbePlace& place : *places) captured[place.name] = place.captured;
  EXPECT_EQ(captured, (std::map<std::string, bool>{
                          {"P0", false}, {"P2", true}, {"u", false}, {"g", false}, {"o", true}, {"p", false}}));
}

TEST(MeshConfigTest, BumpChangesItAndNothingElseDoes) {
  EXPECT_EQ(mesh_config(1), mesh_config(1));
  EXPECT_NE(mesh_config(1), mesh_config(2));
}

TEST(TopologyTest, EveryPodHasAnAddressOfItsOwnOrAnError) {
  std::vector<scenario::Profile> profiles(245);
  for (std::size_t i = 0; i < profiles.size(); ++i) profiles[i].ns = std::to_string(i);
  EXPECT_EQ(place_pods(profiles, true)->back().address, "203.0.113.254");
  EXPECT_EQ(place_pods(profiles, true)->back().address6, "2001:db8:113::fe");
  EXPECT_EQ(place_pods(profiles, false)->back().address6, "");
  profiles.emplace_back();
  EXPECT_EQ(place_pods(profiles, false).error().message, "the lab has room for 245 pods");
}

}  // namespace
}  // namespace egressproof::backend::lab
