#include "runner/backend/cluster/objects.h"

#include <gmock/gmock.h>

namespace egressproof::backend::cluster {
namespace {

const Common common{"run-1", "registry.test/egressproof:1", "", "key", "CA", "CA KEY"};

scenario::Profile profile(const char* name, const char* ns, scenario::Mesh mesh = scenario::Mesh::sidecar) {
  scenario::Profile made;
  made.name = name;
  made.ns = ns;
  made.mesh = mesh;
  return made;
}

// A profile's own probe and one with the proxy's uid.
std::vector<ProbePlace> workload(bool knative) {
  return {{"P2", "P2", "P2", "tenant", agent_port, "1/2", 1000, 1000, true, true, knative},
          {"P2@1337:1000", "P2", "P2", "tenant", first_extra_port, "2/2", 1337, 1000, true, false, knative}};
}

TEST(PlaceTest, TheMeshedLiveInKnativeServicesTheOthersInDeployments) {
  std::vector<scenario::Profile> profiles{profile("P0", "plain", scenario::Mesh::none), profile("P6", "tenant-p6")};
  profiles[1].gateway = "egress-p6";
  const auto places =
      place(profiles, {{"P6", "P6@1337:1000", 1337, 1000, {}}, {"P6", "P6@0:0", 0, 0, {}}}, Workload::knative);
  ASSERT_TRUE(places);
  std::vector<std::string> told;
  for (const ProbePlace& one : places->probes)
    told.push_back(one.name + (one.knative ? " knative" : "") + (one.meshed ? " meshed" : "") +
                   (one.captured ? " captured" : "") + " in " + one.ns);
  EXPECT_THAT(told, testing::ElementsAre("P0 in plain", "P6 knative meshed captured in tenant-p6",
                                         "P6@1337:1000 knative meshed in tenant-p6",
                                         "P6@0:0 knative meshed captured in tenant-p6"));
  ASSERT_EQ(places->gateways.size(), 1U);
  EXPECT_EQ(places->gateways[0].name, "P6.gateway");
  EXPECT_EQ(places->probes[0].port_share, "1/1");
  EXPECT_EQ(places->probes[2].port_share, "2/3");
  EXPECT_EQ(places->probes[0].port, agent_port);
  EXPECT_NE(places->probes[2].port, places->probes[3].port) << "they share a pod";
  EXPECT_FALSE(place(profiles, {}, Workload::deployment)->probes[1].knative);
}

TEST(PlaceTest, APodOfACaseIsBesideTheWorkload) {
  scenario::PodTemplate tenant;
  tenant.labels["sidecar.istio.io/inject"] = "false";
  tenant.annotations["proxy.istio.io/config"] = "{}";
  tenant.container = "istio-proxy";
  const std::string name = "P2+" + std::string(60, 'x');
  const auto places = place({profile("P2", "tenant")}, {{"P2", name, 1000, 1000, tenant}}, Workload::knative);
  ASSERT_TRUE(places);
  const ProbePlace& own = places->probes.at(1);
  EXPECT_EQ(own.pod, name);
  EXPECT_EQ(own.port, uncaptured_port) << "it is in the proxy's place";
  EXPECT_TRUE(own.knative);
  const Json object = probe_object({own}, common);
  const std::string object_name = object["metadata"]["name"];
  EXPECT_NE(object_name, "probe");
  EXPECT_LE(object_name.size(), 36U);
  const Json pod = object["spec"]["template"];
  EXPECT_EQ(pod["metadata"]["labels"]["sidecar.istio.io/inject"], "false");
  EXPECT_EQ(pod["metadata"]["annotations"]["proxy.istio.io/config"], "{}") << "the tenant's wins";
  EXPECT_EQ(pod["spec"]["containers"][0]["name"], "istio-proxy");
  EXPECT_TRUE(pod["spec"]["containers"][0].contains("ports"));
  EXPECT_EQ(pod["spec"]["containers"][0]["args"][0], "agent") << "or those of the injector's template would be its own";
  EXPECT_TRUE(pod["spec"]["containers"][0].contains("startupProbe"));

  EXPECT_FALSE(pod["spec"].contains("serviceAccountName")) << "that of the workload";

  tenant.service_account = "other";
  const auto others = place(
      {profile("P2", "tenant"), profile("P3", "third")},
      {{"P2", "P2+a", 1000, 1000, tenant}, {"P2", "P2+b", 1000, 1000, tenant}, {"P3", "P3+a", 1000, 1000, tenant}},
      Workload::knative);
  ASSERT_TRUE(others);
  EXPECT_EQ(probe_object({others->probes.at(2)}, common)["spec"]["template"]["spec"]["serviceAccountName"], "other");
  const auto accounts = account_objects(others->probes, common);
  ASSERT_EQ(accounts.size(), 2U) << "one a namespace";
  EXPECT_EQ(accounts[0]["metadata"]["namespace"], "tenant");
  EXPECT_EQ(accounts[1]["metadata"]["namespace"], "third");
  EXPECT_EQ(accounts[0]["metadata"]["name"], "other");

  tenant.knative = false;
  tenant.host_network = true;
  const auto on_host = place({profile("P2", "tenant")}, {{"P2", "P2+h", 1000, 1000, tenant}}, Workload::knative);
  const Json deployed = probe_object({on_host->probes.at(1)}, common);
  EXPECT_EQ(deployed["kind"], "Deployment");
  EXPECT_NE(on_host->probes.at(1).port, agent_port) << "it may be somebody's there";
  EXPECT_EQ(deployed["spec"]["template"]["spec"]["hostNetwork"], true);
}

TEST(PlaceTest, NamespacesAndNamesMustDiffer) {
  EXPECT_FALSE(place({profile("A", "one"), profile("B", "one")}, {}, Workload::knative));
  EXPECT_FALSE(place({profile("A", targets_namespace)}, {}, Workload::knative));
  EXPECT_FALSE(place({profile("A", "one")}, {{"B", "B@1", 1, 1, {}}}, Workload::knative));
  EXPECT_FALSE(place({profile("A", "one")}, {{"A", "A@1", 1, 1, {}}, {"A", "a-1", 1, 1, {}}}, Workload::knative))
      << "one name in the cluster";
}

// Two Knative Services of one namespace, told apart by labels and service account.
std::vector<scenario::Profile> two_of_a_namespace() {
  std::vector<scenario::Profile> profiles{profile("KLa", "shared"), profile("KLb", "shared")};
  for (scenario::Profile& one : profiles) {
    one.workload = "ksvc-" + one.name.substr(2);
    one.gateway = "egress-shared";
  }
  profiles[1].labels = {{"egress", "b"}};
  profiles[1].service_labels = {{"team", "red"}};
  profiles[1].service_account = "ksvc-b";
  profiles[1].policies.push_back({"networking.istio.io/v1", "ServiceEntry", "allow", "allowlist-b", "", {}});
  profiles[1].policies.push_back({"networking.istio.io/v1", "Gateway", "egress", "egress-shared", "", {}});
  return profiles;
}

TEST(PlaceTest, WorkloadsWithNamesShareANamespaceAndItsGateway) {
  scenario::PodTemplate tenant;
  tenant.labels["egress"] = "a";
  const auto places =
      place(two_of_a_namespace(), {{"KLa", "KLa+spoof", 1000, 1000, tenant}, {"KLb", "KLb+spoof", 1000, 1000, tenant}},
            Workload::knative);
  ASSERT_TRUE(places) << places.error().message;
  ASSERT_EQ(places->gateways.size(), 1U);
  EXPECT_EQ(places->gateways[0].name, "KLa.gateway");
  EXPECT_THAT(places->others, testing::ElementsAre("allowlist-b")) << "named by a policy, and nobody's";
  std::vector<std::string> names;
  for (const ProbePlace& one : places->probes) names.push_back(object_name(one));
  EXPECT_THAT(names, testing::ElementsAre("ksvc-a", "ksvc-b", "ksvc-a-spoof", "ksvc-b-spoof"));
  const Json b = probe_object({places->probes[1]}, common);
  EXPECT_EQ(b["metadata"]["labels"]["team"], "red");
  const Json& labels = b["spec"]["template"]["metadata"]["labels"];
  EXPECT_EQ(labels["egress"], "b");
  EXPECT_FALSE(labels.contains("team")) << "that of the Service alone";
  EXPECT_FALSE(labels.contains("app")) << "Knative's own";
  EXPECT_EQ(b["spec"]["template"]["spec"]["serviceAccountName"], "ksvc-b");
  EXPECT_EQ(probe_object({places->probes[3]}, common)["spec"]["template"]["metadata"]["labels"]["egress"], "a")
      << "the tenant's wins";
  ASSERT_EQ(account_objects(places->probes, common).size(), 1U);
}

TEST(PlaceTest, ADeploymentHasTheLabelsThatKnativeWouldGiveIt) {
  const auto places = place(two_of_a_namespace(), {}, Workload::deployment);
  ASSERT_TRUE(places);
  const Json labels = probe_object({places->probes[1]}, common)["spec"]["template"]["metadata"]["labels"];
  EXPECT_EQ(labels["serving.knative.dev/service"], "ksvc-b");
  EXPECT_EQ(labels["app"], "ksvc-b-00001");
}

TEST(PlaceTest, AnEphemeralContainerIsInTheWorkloadsPodAndNotInItsTemplate) {
  scenario::PodTemplate tenant;
  tenant.ephemeral = true;
  const auto places = place({profile("P2", "tenant")}, {{"P2", "P2+debug", 1337, 1337, tenant}}, Workload::knative);
  ASSERT_TRUE(places);
  const ProbePlace& debug = places->probes.at(1);
  EXPECT_EQ(debug.pod, "P2");
  EXPECT_NE(debug.port, places->probes[0].port);
  EXPECT_FALSE(debug.captured);
  EXPECT_EQ(debug.port_share, "2/2");
  const Json container = ephemeral_container(debug, common);
  EXPECT_EQ(container["securityContext"]["runAsUser"], 1337);
  for (const char* refused : {"resources", "ports", "readinessProbe", "startupProbe"})
    EXPECT_FALSE(container.contains(refused)) << refused << ": the API server takes none";
}

TEST(ObjectsTest, AnInitContainerReadsItsBatchAndTheProbeComesAfterIt) {
  scenario::PodTemplate tenant;
  tenant.knative = false;
  tenant.init_container = true;
  tenant.annotations["sidecar.istio.io/nativeSidecar"] = "false";
  const auto places = place({profile("P2", "tenant")}, {{"P2", "P2+init", 1000, 1000, tenant}}, Workload::knative);
  ASSERT_TRUE(places);
  const auto objects = init_pod_objects(places->probes.at(1), "lines\n", common);
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[0]["data"]["batch.ndjson"], "lines\n");
  const Json& pod = objects[1];
  EXPECT_EQ(pod["kind"], "Pod");
  EXPECT_EQ(pod["metadata"]["namespace"], "tenant");
  EXPECT_EQ(pod["metadata"]["labels"][run_label], "run-1");
  EXPECT_EQ(pod["metadata"]["annotations"]["sidecar.istio.io/nativeSidecar"], "false");
  EXPECT_EQ(pod["spec"]["restartPolicy"], "Never");
  const Json& before = pod["spec"]["initContainers"][0];
  EXPECT_EQ(before["name"], init_container);
  EXPECT_FALSE(before.contains("readinessProbe")) << "the API server takes none";
  EXPECT_EQ(before["command"], Json::array({"egressproof-probe"}));
  EXPECT_THAT(before["args"].get<std::vector<std::string>>(), testing::Contains("/etc/egressproof/batch/batch.ndjson"));
  EXPECT_EQ(pod["spec"]["containers"][0]["args"][0], "agent");
}

TEST(ObjectsTest, EveryObjectHasTheRunsLabel) {
  std::vector<Json> all{namespace_object("tenant", true, common)};
  const auto add = [&](const std::vector<Json>& more) { all.insert(all.end(), more.begin(), more.end()); };
  add(shared_objects("tenant", common));
  add({probe_object(workload(true), common), probe_object(workload(false), common)});
  add(gateway_objects({"P6.gateway", "egress"}, common));
  add(target_objects("allow", {}, common));
  for (const Json& object : all) {
    EXPECT_EQ(object.at("metadata").at("labels").at(run_label), "run-1") << object.dump();
    const Json spec = object.value("spec", Json::object());
    if (spec.contains("template")) {
      EXPECT_EQ(spec["template"]["metadata"]["labels"][run_label], "run-1") << "its pods: " << object.dump();
    }
  }
}

TEST(ObjectsTest, InjectionIsByLabelOfTheNamespace) {
  EXPECT_EQ(namespace_object("n", true, common)["metadata"]["labels"]["istio-injection"], "enabled");
  EXPECT_EQ(namespace_object("n", false, common)["metadata"]["labels"]["istio-injection"], "disabled");
  Common revision = common;
  revision.istio_revision = "1-31";
  const Json labels = namespace_object("n", true, revision)["metadata"]["labels"];
  EXPECT_EQ(labels["istio.io/rev"], "1-31");
  EXPECT_FALSE(labels.contains("istio-injection")) << "it would win over the revision";
}

TEST(ObjectsTest, ContainersMayDoNothingBeyondTheirTask) {
  std::vector<Json> containers = probe_object(workload(true), common)["spec"]["template"]["spec"]["containers"];
  containers.push_back(target_objects("allow", {}, common)[1]["spec"]["containers"][0]);
  for (const Json& container : containers) {
    const Json& security = container.at("securityContext");
    EXPECT_EQ(security.at("readOnlyRootFilesystem"), true);
    EXPECT_EQ(security.at("allowPrivilegeEscalation"), false);
    EXPECT_EQ(security.at("runAsNonRoot"), true);
    EXPECT_EQ(security.at("capabilities").at("drop"), Json::array({"ALL"}));
    EXPECT_EQ(container.at("image"), common.image);
    EXPECT_EQ(container.at("command").at(0).get<std::string>().rfind("egressproof-", 0), 0U) << "no shell";
  }
  ASSERT_EQ(containers.size(), 3U);
  EXPECT_EQ(containers[1]["securityContext"]["runAsUser"], 1337);
  EXPECT_NE(containers[1]["name"], containers[0]["name"]);
  EXPECT_FALSE(containers[1].contains("ports")) << "Knative takes those of one container alone";
  const Json root = probe_object({{"P2", "P2", "P2", "t", 8080, "1/1", 0, 0, true, true, false}}, common);
  EXPECT_EQ(root["spec"]["template"]["spec"]["containers"][0]["securityContext"]["runAsNonRoot"], false);
}

TEST(ObjectsTest, AKnativeServiceKeepsOnePodAndIsNotReachableFromOutside) {
  const Json object = probe_object(workload(true), common);
  EXPECT_EQ(object["apiVersion"], "serving.knative.dev/v1");
  EXPECT_EQ(object["metadata"]["labels"]["networking.knative.dev/visibility"], "cluster-local");
  const Json annotations = object["spec"]["template"]["metadata"]["annotations"];
  EXPECT_EQ(annotations["autoscaling.knative.dev/min-scale"], "1");
  EXPECT_EQ(annotations["autoscaling.knative.dev/max-scale"], "1");
  EXPECT_EQ(object["spec"]["template"]["metadata"]["labels"][probe_label], "p2");
}

TEST(ObjectsTest, TheCasKeyIsForTheTargetsAlone) {
  for (const Json& object : shared_objects("tenant", common))
    EXPECT_EQ(object.dump().find("CA KEY"), std::string::npos) << object.dump();
  const auto target = target_objects("wild-a", {}, common);
  EXPECT_EQ(target[0]["stringData"]["ca-key.pem"], "CA KEY");
  EXPECT_EQ(target[0]["metadata"]["namespace"], targets_namespace);
  EXPECT_EQ(target[1]["metadata"]["name"], "target-wild-a");
  EXPECT_EQ(target[1]["spec"]["restartPolicy"], "Never");
  const auto config = target::decode_config(target[0]["stringData"]["config.json"].get<std::string>());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->inspection_port, inspection_port);
}

TEST(ObjectsTest, AGatewayIsMadeByIstiosOwnTemplateAndTrustsTheFixtures) {
  const auto objects = gateway_objects({"P8.gateway", "egress-p8"}, common);
  ASSERT_EQ(objects.size(), 2U);
  const Json pod = objects[0]["spec"]["template"];
  EXPECT_EQ(pod["metadata"]["annotations"]["inject.istio.io/templates"], "gateway");
  EXPECT_EQ(pod["spec"]["containers"][0]["image"], "auto");
  EXPECT_EQ(pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"], "/etc/ssl/certs/ca-certificates.crt");
  EXPECT_EQ(objects[1]["spec"]["selector"], (Json{{"app", "istio-egressgateway"}, {"istio", "egress-p8"}}));
  EXPECT_EQ(pod["metadata"]["labels"]["istio"], "egress-p8");
}

TEST(DialledPortsTest, AnEveryPortFixtureListensWhereTheSuiteDials) {
  scenario::Suite suite;
  scenario::Case one;
  one.attempt.dial = "sink:9999";
  scenario::Variant variant;
  variant.attempt.to = "{allowed}:8443";
  one.variants = {variant};
  one.control.emplace();
  one.control->dial = "[2001:db8::1]:25";
  suite.scenarios.emplace_back().cases = {one};
  scenario::Fixture sink;
  sink.every_port = true;
  EXPECT_THAT(dialled_ports(suite, sink), testing::ElementsAre(25, 8443, 9999));
  sink.every_port = false;
  sink.ports = {80};
  EXPECT_THAT(dialled_ports(suite, sink), testing::ElementsAre(80));
}

}  // namespace
}  // namespace egressproof::backend::cluster
