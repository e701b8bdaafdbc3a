// Injected manifests read as a kubelet reads them, and pods of cases among the others.
#include "runner/backend/lab/injector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/backend/lab/capture_witness.h"
#include "runner/policy/capture_hold.h"
#include "runner/policy/capture_refusal.h"
#include "runner/policy/capture_taken.h"

namespace egressproof::backend::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<PodPlace> places(const scenario::PodTemplate& tenant) {
  scenario::Profile p2;
  p2.name = "P2";
  p2.ns = "tenant-p2";
  auto placed = place_pods({p2}, false);
  EXPECT_TRUE(placed);
  ExtraProbe probe{"P2", "P2+exclude.ports"};
  probe.own_pod = tenant;
  EXPECT_TRUE(place_case_pods(*placed, {{"P2", "P2@1337:1000", 1337, 1000}, probe}, false));
  return *placed;
}

PodPlace place() { return places({}).back(); }

Json container(const char* name) {
  return Json{{"name", name}, {"image", "registry.example/istio/proxyv2:1.31.0"}, {"args", {"proxy", "sidecar"}}};
}

Json pod(const Json& init, const Json& containers) {
  return {{"kind", "Pod"}, {"spec", {{"initContainers", init}, {"containers", containers}}}};
}

TEST(CasePods, StandBehindAllOthersUnderANameOfTheirOwn) {
  scenario::PodTemplate tenant;
  tenant.labels = {{"app", "spoofed"}, {"x", "y"}};
  const auto all = places(tenant);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].address, "203.0.113.11");
  EXPECT_EQ(all[1].ns, "tenant-p2");
  EXPECT_EQ(all[1].witness, "P2");
  EXPECT_EQ(pod_name(all[0]), "probe-tenant-p2");
  EXPECT_EQ(pod_name(all[1]), "probe-p2-exclude-ports");
  EXPECT_EQ(labels_of(all[0]).at("app"), "probe");
  EXPECT_EQ(labels_of(all[1]).at("app"), "spoofed");
  EXPECT_EQ(pod_manifest(all[1])["metadata"]["labels"]["x"], "y");
  const Json annotations = pod_manifest(all[1])["metadata"]["annotations"];
  EXPECT_FALSE(annotations.contains("proxy.istio.io/config"));
  EXPECT_EQ(all[1].service_account, "default") << "the workload's";
  tenant.service_account = "other";
  EXPECT_EQ(places(tenant)[1].service_account, "other");
  std::vector<PodPlace> none;
  ExtraProbe lost{"P9", "P9+x"};
  lost.own_pod.emplace();
  EXPECT_EQ(place_case_pods(none, {lost}, false).error().kind, ErrorKind::scenario);
}

TEST(CasePods, OfAWorkloadHaveItsAccountAndItsLabelsButADeploymentNoneOfKnatives) {
  scenario::Profile profile;
  profile.name = "KLa";
  profile.ns = "tenant-select";
  profile.workload = "ksvc-a";
  profile.service_account = "account-a";
  for (const bool knative : {true, false}) {
    auto all = place_pods({profile}, false);
    ASSERT_TRUE(all);
    ExtraProbe probe{"KLa", "KLa+spoof"};
    probe.own_pod.emplace().labels = {{"egress", "b"}};
    probe.own_pod->knative = knative;
    ASSERT_TRUE(place_case_pods(*all, {probe}, false));
    const auto labels = labels_of(all->back());
    EXPECT_EQ(labels.at("egress"), "b");
    EXPECT_EQ(labels.at("app"), "ksvc-a-00001");
    EXPECT_EQ(labels.count("serving.knative.dev/service"), knative ? 1U : 0U);
    EXPECT_EQ(labels_of(all->front()).count("egress"), 0U) << "the workload's own pod has what it had";
    EXPECT_EQ(pod_name(all->back()), "probe-kla-spoof") << "not that of the workload's pod, whose namespace it shares";
    EXPECT_EQ(all->back().service_account, "account-a");
  }
}

TEST(CasePods, OfIpv6AloneFindIstiodThere) {
  std::vector<PodPlace> all{PodPlace{"P2", "203.0.113.10", "2001:db8:113::a", "tenant-p2", "default", true}};
  ExtraProbe six{"P2", "P2+six"};
  six.own_pod.emplace().ipv6 = true;
  ASSERT_TRUE(place_case_pods(all, {six}, true));
  EXPECT_EQ(all[1].address, "2001:db8:113::b");
  EXPECT_EQ(all[1].address6, "");
  EXPECT_EQ(pod_manifest(all[1])["metadata"]["annotations"]["proxy.istio.io/config"],
            "discoveryAddress: '[2001:db8:113::2]:15010'");
  all.pop_back();
  EXPECT_EQ(place_case_pods(all, {six}, false).error().kind, ErrorKind::scenario) << "a world without IPv6";
}

TEST(InjectedPods, WhatTheContainersAreToldIsWhatRuns) {
  Json init = container("istio-init");
  init["args"] = {"istio-iptables", "-o", "443"};
  init["securityContext"] = {
      {"runAsUser", 0}, {"runAsGroup", 0}, {"capabilities", {{"add", {"NET_ADMIN", "NET_RAW"}}}}};
  Json proxy = container("istio-proxy");
  proxy["args"] = {"proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local"};
  proxy["env"] = {{{"name", "POD_NAMESPACE"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "metadata.namespace"}}}}}},
                  {{"name", "INSTANCE_IP"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "status.podIP"}}}}}},
                  {{"name", "GOMAXPROCS"}, {"valueFrom", {{"resourceFieldRef", {{"resource", "limits.cpu"}}}}}},
                  {{"name", "GOMEMLIMIT"}, {"valueFrom", {{"resourceFieldRef", {{"resource", "limits.memory"}}}}}},
                  {{"name", "ISTIO_META_INTERCEPTION_MODE"}, {"value", "REDIRECT"}}};
  proxy["resources"] = {{"limits", {{"cpu", "1500m"}, {"memory", "1Gi"}}}};
  proxy["securityContext"] = {{"runAsUser", 1337}, {"runAsGroup", 1338}};
  const auto read = read_injected(
      pod(Json::array({init}), Json::array({Json{{"name", "probe"}, {"image", "egressproof"}}, proxy})), place());
  ASSERT_TRUE(read) << to_string(read.error());
  ASSERT_EQ(read->init.size(), 1U);
  EXPECT_THAT(read->init[0].arguments, ElementsAre("istio-iptables", "-o", "443"));
  EXPECT_THAT(read->init[0].capabilities, ElementsAre("NET_ADMIN", "NET_RAW"));
  EXPECT_EQ(read->init[0].uid, 0);
  ASSERT_TRUE(read->proxy);
  EXPECT_FALSE(read->proxy_first);
  EXPECT_EQ(read->proxy->arguments.back(), "tenant-p2.svc.cluster.local");
  EXPECT_EQ(read->proxy->environment.at("INSTANCE_IP"), "203.0.113.11");
  EXPECT_EQ(read->proxy->environment.at("GOMAXPROCS"), "2") << "rounded up";
  EXPECT_EQ(read->proxy->environment.at("GOMEMLIMIT"), "1073741824");
  EXPECT_EQ(read->proxy->uid, 1337);
  EXPECT_EQ(read->proxy->gid, 1338);
}

TEST(InjectedPods, ANativeSidecarOrOneThatHoldsTheOthersIsFirst) {
  Json native = container("istio-proxy");
  native["restartPolicy"] = "Always";
  EXPECT_FALSE(read_injected(pod(Json::array({native}), Json::array()), place())->proxy_first)
      << "nothing waits for it";
  native["startupProbe"] = {{"httpGet", {{"port", 15021}}}};
  EXPECT_TRUE(read_injected(pod(Json::array({native}), Json::array()), place())->proxy_first);
  Json holding = container("istio-proxy");
  holding["lifecycle"] = {{"postStart", {{"exec", {{"command", {"pilot-agent", "wait"}}}}}}};
  EXPECT_TRUE(read_injected(pod(Json::array(), Json::array({holding})), place())->proxy_first);
}

TEST(InjectedPods, WithoutASidecarNothingRuns) {
  const auto read =
      read_injected(pod(Json::array(), Json::array({Json{{"name", "probe"}, {"image", "egressproof"}}})), place());
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->proxy);
  EXPECT_THAT(read->init, IsEmpty());
}

TEST(InjectedPods, WhatTheLabCannotRunIsRefused) {
  const auto refusal = [](const Json& one) {
    const auto read = read_injected(pod(Json::array({one}), Json::array()), place());
    return read ? std::string() : read.error().message;
  };
  Json other = container("istio-init");
  other["image"] = "evil.example/proxy:1";
  EXPECT_THAT(refusal(other), HasSubstr("has the image 'proxy:1'"));
  other = container("istio-init");
  other["command"] = {"/bin/sh"};
  EXPECT_THAT(refusal(other), HasSubstr("runs '/bin/sh'"));
  other["command"] = {"/usr/local/bin/pilot-agent", "version"};
  EXPECT_EQ(refusal(other), "");
  other["env"] = {{{"name", "KEY"}, {"valueFrom", {{"secretKeyRef", {{"name", "s"}}}}}}};
  EXPECT_THAT(refusal(other), HasSubstr("has a variable KEY"));
}

TEST(InjectionTemplates, AreInTheConfigMapOfThatName) {
  const std::string chart =
      "kind: ConfigMap\nmetadata:\n  name: istio\ndata:\n  mesh: x\n---\nkind: ConfigMap\nmetadata:\n"
      "  name: istio-sidecar-injector\n  namespace: istio-system\ndata:\n  values: |-\n    {\"a\": 1}\n"
      "  config: |-\n    templates: {}\n---\nkind: Service\n";
  const auto found = injection_template(chart);
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_EQ(found->values, "{\"a\": 1}");
  EXPECT_EQ(found->config, "templates: {}");
  EXPECT_EQ(injection_template("kind: Service\n").error().kind, ErrorKind::environment);
}

TEST(DownwardFiles, QuoteValues) {
  EXPECT_EQ(downward_file({{"a", "x\ny"}, {"b", "\"z\""}}), "a=\"x\\ny\"\nb=\"\\\"z\\\"\"\n");
}

class CaptureWitness : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(CaptureWitness, ConnectionsAreRecordsOfTheWorkload) {
  const auto [set, details] = GetParam();
  const auto connections = parse_nft_drops(R"({"nftables": [{"set": {"family": "inet", "name": ")" + std::string(set) +
                                               R"(", "table": "egressproof", "elem": [{"elem": {"val":
      {"concat": ["203.0.113.11", "198.51.100.20", "tcp", 40001, 443]}, "expires": 3590}}]}}]})",
                                           std::chrono::seconds(100), "inet");
  ASSERT_TRUE(connections) << to_string(connections.error());
  const auto records = capture_records(*connections, place(), details);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].proxy, policy::capture_witness("P2"));
  EXPECT_EQ(records[0].downstream, "203.0.113.11:40001");
  EXPECT_EQ(records[0].destination, "198.51.100.20:443");
  EXPECT_EQ(records[0].details, details);
  EXPECT_EQ(records[0].at, std::chrono::milliseconds(90500));
}

INSTANTIATE_TEST_SUITE_P(Sets, CaptureWitness,
                         testing::Values(std::pair{"refused4", policy::capture_refusal},
                                         std::pair{"held4", policy::capture_hold},
                                         std::pair{"taken4", policy::capture_taken}));

TEST(CaptureTaken, IsAConnectionThatTheCapturePortAnsweredAndNoOther) {
  const std::string rules = capture_taken_ruleset();
  EXPECT_THAT(rules, HasSubstr("set taken4 {"));
  EXPECT_THAT(rules, HasSubstr("type filter hook input priority 0; policy accept;")) << "it decides nothing";
  EXPECT_THAT(rules,
              HasSubstr("iifname \"lo\" ct direction reply ct status dnat meta l4proto tcp ct reply proto-src 15001 "
                        "tcp flags & (syn | ack) == (syn | ack) add @taken4 { ct original ip saddr"))
      << "of what was redirected, the SYN-ACK that came from the proxy's port";
  EXPECT_THAT(capture_taken_arguments(), ElementsAre("nft", "-j", "list", "set", "inet", "egressproof", "taken4"));
}

}  // namespace
}  // namespace egressproof::backend::lab
