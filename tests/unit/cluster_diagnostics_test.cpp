#include "runner/backend/cluster/diagnostics.h"

#include <gmock/gmock.h>

#include "runner/backend/cluster/ingress_stand_in.h"
#include "runner/backend/cluster/manifest_source.h"
#include "runner/backend/cluster/readiness.h"
#include "runner/backend/cluster/redact.h"
#include "tests/unit/cluster_fake_tools.h"

namespace egressproof::backend::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Each has the word "s3cr3t" (or its base64) where the secret is; "keep" must stay.
TEST(RedactTest, SeededSecretsGoAndTheRestStays) {
  const std::string pem =
      "keep\n-----BEGIN EC PRIVATE KEY-----\ns3cr3tAAAA\ns3cr3tBBBB\n-----END EC PRIVATE KEY-----\nkeep";
  const std::vector<std::string> texts{
      pem,
      "keep: x\n-----BEGIN PRIVATE KEY-----\ns3cr3t, and the file was cut here",
      "Authorization: Bearer s3cr3ts3cr3t1",
      "authorization: Basic s3cr3ts3cr3t1=",
      "    client-key-data: s3cr3t0000",
      "  token: s3cr3t",
      "- password: \"s3cr3t with spaces\"",
      R"({"keep": 1, "password": "s3cr3t", "n": 2})",
      R"({"accessToken":"s3cr3t","keep":"y"})",
      R"(annotation: "{\"clientSecret\": \"s3cr3t\"}")",
      "env EGRESSPROOF_AGENT_KEY=s3cr3ts3cr3t keep",
      "GET /a?access_token=s3cr3tvalue&keep=1",
      "proxy http://user:s3cr3t@keep.test:3128/",
      "key AKIAIOSFODNN7EXAMPLE",
      "caBundle: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpzM2NyM3Q=",
      R"("jws-kubeconfig-abcdef": "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..czNjcjN0c2lnbmF0dXJl")",
      "jwt eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.c2lnbmF0dXJl done"};
  for (const std::string& text : texts) {
    const std::string told = without_secrets(text);
    for (const char* secret : {"s3cr3t", "AKIAIOSF", "UFJJVkFURSBLRVk", "eyJzdWIi", "czNjcjN0c2ln"})
      EXPECT_THAT(told, Not(HasSubstr(secret))) << text;
    EXPECT_THAT(told, HasSubstr(redacted)) << text;
    EXPECT_EQ(told.find("keep") != std::string::npos, text.find("keep") != std::string::npos) << text;
  }
}

TEST(RedactTest, WhatIsNoSecretStays) {
  for (const char* text :
       {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "pod istio-system/istiod-1: container discovery: ImagePullBackOff",
        R"({"details":"via_upstream","cluster":"outbound|80||allow.test"})", "tokens are rotated", ""})
    EXPECT_EQ(without_secrets(std::string(text)), text);
}

TEST(RedactTest, SecretsAndVariablesOfObjects) {
  const Json secret = {{"kind", "Secret"}, {"metadata", {{"name", "keep"}}}, {"data", {{"tls.crt", "s3cr3t"}}}};
  EXPECT_EQ(without_secrets(secret).dump(),
            R"({"kind":"Secret","metadata":{"name":"keep"},"data":{"tls.crt":"[redacted]"}})");
  const Json variable = {
      {"env", {{{"name", "API_TOKEN"}, {"value", "s3cr3t"}}, {{"name", "MODE"}, {"value", "keep"}}}}};
  const std::string told = without_secrets(variable).dump();
  EXPECT_THAT(told, Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(told, HasSubstr("keep"));
}

TEST(BundleTest, HoldsTheClusterWithoutItsSecrets) {
  FakeTools fake;
  const Tools tools = fake.tools();
  const Kubectl kubectl = tools.kubectl(fake.folder() / "state/kubeconfig");
  fake.put("pods-istio-system",
           R"({"items": [{"kind": "Pod", "metadata": {"name": "gateway-1", "namespace": "istio-system"},
      "spec": {"containers": [{"name": "istio-proxy"}]}, "status": {"phase": "Running",
      "conditions": [{"type": "Ready", "status": "False"}],
      "containerStatuses": [{"name": "istio-proxy", "ready": false, "restartCount": 2}]}}]})");
  fake.put(
      "all-pods",
      R"({"items": [{"kind": "Pod", "spec": {"containers": [{"env": [{"name": "AGENT_KEY", "value": "s3cr3t"}]}]}}]})");
  fake.put("all-configmaps", R"({"items": [{"data": {"config": "token: s3cr3t\nmode: kept"}}]})");
  fake.put("log", "started\n-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----\nfinished\n");
  fake.put("istio.log", "password: s3cr3t\n");
  fake.fail_on("istioctl proxy-status*");
  fake.calls();
  BundleSources sources;
  sources.kubectl = &kubectl;
  sources.tools = &tools;
  sources.namespaces = {"istio-system"};
  sources.node_containers = {"testing-control-plane"};
  sources.log_files = {fake.folder() / "istio.log"};
  const auto folder = fake.folder() / "bundle";
  const auto names = write_bundle(sources, folder);
  ASSERT_TRUE(names) << to_string(names.error());
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) all += read_file(entry.path()).value_or("");
  EXPECT_THAT(all, Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(all, Not(HasSubstr("abcdefgh12345")));
  for (const char* kept : {"started", "finished", "mode: kept", "AGENT_KEY", "-A PREROUTING"})
    EXPECT_THAT(all, HasSubstr(kept));
  for (const char* name :
       {"logs/istio-system-gateway-1.log", "logs/istio-system-gateway-1.previous.log",
        "logs/istio-system-gateway-1.describe.txt", "proxies/gateway-1.istio-system.listener.json",
        "nodes/testing-control-plane.iptables.txt", "provision/istio.log", "events.txt", "errors.txt"})
    EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
  EXPECT_THAT(read_file(folder / "errors.txt").value_or(""), HasSubstr("proxies/status.txt: "));
  EXPECT_THAT(fake.calls({"get secret"}), IsEmpty());
}

TEST(ReadinessTest, KindsAndTheirWords) {
  const Json list = Json::parse(R"({"items": [
    {"kind": "Node", "metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": "False", "message": "no CNI"}]}},
    {"kind": "Deployment", "metadata": {"name": "d", "namespace": "a", "generation": 2}, "spec": {"replicas": 1},
     "status": {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1}},
    {"kind": "DaemonSet", "metadata": {"name": "z", "namespace": "a"}, "status": {"desiredNumberScheduled": 2, "numberAvailable": 1}},
    {"kind": "Pod", "metadata": {"name": "job", "namespace": "a"}, "status": {"phase": "Succeeded"}},
    {"kind": "Pod", "metadata": {"name": "p", "namespace": "a"}, "status": {"phase": "Pending", "conditions": [
      {"type": "PodScheduled", "status": "False", "message": "Insufficient memory"}]}},
    {"kind": "CustomResourceDefinition", "metadata": {"name": "c"}, "status": {}}]})");
  EXPECT_THAT(not_ready(list),
              ElementsAre("node n: not Ready (no CNI)", "deployment a/d: its change is not seen yet",
                          "daemonset a/z: 1 of 2 available", "pod a/p: not PodScheduled (Insufficient memory)",
                          "customresourcedefinition c: not Established"));
}

TEST(ManifestSourceTest, FolderReplacementSkipPhasesAndConfiguration) {
  const FakeTools fake;
  fake.put("m/2.yaml",
           "kind: Deployment\nmetadata: {name: d, namespace: knative-serving}\nspec: {template: {spec: "
           "{containers: [{name: c, image: ko://x/cmd/queue}]}}}\n---\nkind: HorizontalPodAutoscaler\n");
  fake.put("m/1.yaml",
           "kind: ConfigMap\nmetadata: {name: config-network, namespace: knative-serving}\n---\n"
           "kind: Namespace\nmetadata: {name: knative-serving}\n---\n"
           "kind: CustomResourceDefinition\nmetadata: {name: c}\n");
  fake.put("m/readme.txt", "not: {yaml");
  auto objects = manifest_objects({(fake.folder() / "m").string()}, {{"ko://x/cmd/([a-z]+)", "kind.local/$1:1"}},
                                  {"HorizontalPodAutoscaler"});
  ASSERT_TRUE(objects) << to_string(objects.error());
  ASSERT_EQ(objects->size(), 4U);
  KnativeSettings settings;
  settings.config["config-network"]["ingress-class"] = "istio";
  settings.requests["cpu"] = "10m";
  ASSERT_TRUE(configure(*objects, settings));
  const Phases phases = in_phases(*objects);
  ASSERT_EQ(phases.definitions.size(), 1U);
  ASSERT_EQ(phases.namespaces.size(), 1U);
  ASSERT_EQ(phases.rest.size(), 2U);
  EXPECT_EQ(phases.rest[0].at("data").at("ingress-class"), "istio");
  const Json& container = phases.rest[1].at("spec").at("template").at("spec").at("containers").at(0);
  EXPECT_EQ(container.at("image"), "kind.local/queue:1");
  EXPECT_EQ(container.at("resources").at("requests").at("cpu"), "10m");
  settings.config["config-netwrok"]["a"] = "b";
  const auto misspelt = configure(*objects, settings);
  ASSERT_FALSE(misspelt);
  EXPECT_THAT(misspelt.error().message, HasSubstr("did you mean 'config-network'?"));
  EXPECT_FALSE(read_manifests((fake.folder() / "bin").string())) << "a folder without manifests";
}

TEST(IngressStandInTest, MarksThoseThatAreNotReadyForTheirGeneration) {
  FakeTools fake;
  const Kubectl kubectl = fake.tools().kubectl(fake.folder() / "state/kubeconfig");
  fake.put("ingresses", R"({"items": [
    {"metadata": {"namespace": "a", "name": "new", "generation": 3}},
    {"metadata": {"namespace": "a", "name": "done", "generation": 2}, "status": {"observedGeneration": 2}}]})");
  const auto marked = mark_ingresses_ready(kubectl);
  ASSERT_TRUE(marked) << to_string(marked.error());
  EXPECT_THAT(*marked, ElementsAre("a/new"));
  const auto calls = fake.calls({"kubectl patch"});
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_THAT(calls[0],
              HasSubstr("patch ingresses.networking.internal.knative.dev new --namespace a --subresource status"));
  EXPECT_THAT(calls[0], HasSubstr(R"("observedGeneration":3)"));
  const Json status = ready_status(3, "2026-01-01T00:00:00Z");
  EXPECT_EQ(status.at("status").at("conditions").size(), 3U);
}

TEST(IngressStandInTest, EndsWithItsOwnerAndTellsItsProblem) {
  FakeTools fake;
  const Kubectl kubectl = fake.tools().kubectl(fake.folder() / "state/kubeconfig");
  fake.put("ingresses", R"({"items": [{"metadata": {"namespace": "a", "name": "new", "generation": 1}}]})");
  fake.fail_on("kubectl patch*");
  {
    const IngressStandIn stand_in(kubectl, std::chrono::milliseconds(1));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (stand_in.problem().empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_THAT(stand_in.problem(), HasSubstr("injected failure"));
  }
  fake.calls();
  const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  while (std::chrono::steady_clock::now() < later) std::this_thread::yield();
  EXPECT_THAT(fake.calls(), IsEmpty());
}

}  // namespace
}  // namespace egressproof::backend::cluster
