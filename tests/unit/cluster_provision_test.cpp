#include "runner/backend/cluster/provision.h"

#include <gmock/gmock.h>

#include "runner/backend/cluster/provision_steps.h"
#include "tests/unit/cluster_fake_tools.h"

namespace egressproof::backend::cluster {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::vector<std::string> changes{"kind create",   "kind delete",    "kind load",        "docker cp",
                                       "docker start",  "docker pull",    "istioctl install", "kubectl apply",
                                       "kubectl patch", "kubectl rollout"};

class ClusterProvision : public testing::Test {
 protected:
  ClusterProvision() : tools_(fake_.tools()) {
    options_.state_folder = fake_.folder() / "state";
    options_.poll_every = milliseconds(5);
    // A step that is never ready fails its test instead of holding it up.
    options_.settings.deadlines = {std::chrono::seconds(20), std::chrono::seconds(20), std::chrono::seconds(20),
                                   std::chrono::seconds(20), std::chrono::seconds(20), std::chrono::seconds(20)};
    options_.on_event = [this](const StepEvent& event) { events_.push_back(event); };
    KindSettings& settings = options_.settings;
    settings.cluster.name = "testing";
    settings.cluster.node_image = "kindest/node:v1";
    settings.cluster.kind_config = {{"kind", "Cluster"}};
    fake_.put("net.conflist", "{}");
    settings.cluster.node_files = {{fake_.folder() / "net.conflist", "/etc/cni/net.d/10.conflist"}};
    settings.images.load = {"kind.local/a:1", "istio/b:2"};
    fake_.put("istio.yaml", "kind: IstioOperator\n");
    settings.istio = {"docker.io/istio", "1.31.0", {fake_.folder() / "istio.yaml"}, {"profile=demo"}, {}};
    fake_.put("serving/1.yaml",
              "kind: ConfigMap\napiVersion: v1\nmetadata: {name: config-network, namespace: "
              "knative-serving}\n");
    settings.knative.serving = {(fake_.folder() / "serving").string()};
    settings.knative.ingress = Ingress::stand_in;
    settings.knative.config["config-network"]["ingress-class"] = "istio";
    fake_.calls();
  }
  std::vector<std::string> states() {
    static const char* const names[] = {"started", "waiting", "kept", "done", "failed"};
    std::vector<std::string> all;
    for (const StepEvent& event : events_)
      if (event.state != StepState::started && event.state != StepState::waiting)
        all.push_back(event.step + " " + names[static_cast<int>(event.state)]);
    events_.clear();
    return all;
  }
  std::string failure() {
    const auto done = provision(options_, tools_);
    EXPECT_FALSE(done);
    return done ? "" : to_string(done.error());
  }
  void succeed() {
    const auto done = provision(options_, tools_);
    ASSERT_TRUE(done) << to_string(done.error());
  }

  FakeTools fake_;
  Tools tools_;
  ProvisionOptions options_;
  std::vector<StepEvent> events_;
};

TEST_F(ClusterProvision, CommandLinesInTheirOrder) {
  succeed();
  const std::string dir = fake_.folder().string();
  const std::string mark = "kubectl apply --server-side --force-conflicts --field-manager egressproof-";
  EXPECT_THAT(
      fake_.calls(changes),
      ElementsAre("kind create cluster --name testing --config " + dir + "/state/kind-config.json --retain " +
                      "--image kindest/node:v1",
                  "docker start testing-control-plane",
                  "docker cp " + dir + "/net.conflist testing-control-plane:/etc/cni/net.d/10.conflist",
                  mark + "network --filename -", "kind load docker-image --name testing kind.local/a:1 istio/b:2",
                  mark + "images --filename -",
                  "istioctl install --skip-confirmation --readiness-timeout 20s --filename " + dir +
                      "/istio.yaml --set hub=docker.io/istio --set tag=1.31.0 --set profile=demo",
                  mark + "istio --filename -",
                  "kubectl apply --server-side --force-conflicts --field-manager egressproof --output json " +
                      std::string("--filename -"),
                  mark + "knative --filename -"));
  EXPECT_THAT(fake_.text("applied"), HasSubstr(R"("data":{"ingress-class":"istio"})"));
  EXPECT_THAT(states(),
              ElementsAre("cluster done", "network done", "images done", "istio done", "knative done", "ready kept"));
  const auto mode = std::filesystem::status(kubeconfig_of(options_.state_folder)).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(ClusterProvision, ASecondCallChangesNothing) {
  succeed();
  states();
  fake_.calls();
  succeed();
  EXPECT_THAT(fake_.calls(changes), IsEmpty());
  EXPECT_THAT(states(),
              ElementsAre("cluster kept", "network kept", "images kept", "istio kept", "knative kept", "ready kept"));
}

TEST_F(ClusterProvision, AChangedSettingRedoesItsStepAlone) {
  succeed();
  fake_.calls();
  options_.settings.istio.tag = "1.32.0";
  succeed();
  const auto calls = fake_.calls(changes);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_THAT(calls[0], HasSubstr("tag=1.32.0"));
}

// Each step fails once; the next call begins at that step.
TEST_F(ClusterProvision, FailureOfEachStepIsToldAndResumed) {
  const std::pair<const char*, const char*> steps[] = {{"cluster", "kind create*"},
                                                       {"network", "docker cp*"},
                                                       {"images", "kind load*"},
                                                       {"istio", "istioctl install*"},
                                                       {"knative", "kubectl apply*egressproof --output*"}};
  std::vector<std::string> kept;
  for (const auto& [step, pattern] : steps) {
    fake_.fail_on(pattern);
    const std::string told = failure();
    EXPECT_THAT(told, HasSubstr("while provisioning, step '" + std::string(step) + "'"));
    EXPECT_THAT(told, HasSubstr("injected failure"));
    EXPECT_THAT(told, Not(HasSubstr("hunter22"))) << "the log's end goes to the terminal";
    auto seen = states();
    ASSERT_EQ(seen.back(), std::string(step) + " failed");
    seen.pop_back();
    if (!kept.empty()) kept.back() = kept.back().substr(0, kept.back().find(' ')) + " done";
    EXPECT_EQ(seen, kept) << "before " << step;
    for (std::string& one : kept) one = one.substr(0, one.find(' ')) + " kept";
    kept.push_back(std::string(step) + " kept");
  }
  fake_.remove("fail");
  succeed();
  EXPECT_EQ(states().front(), "cluster kept");
}

TEST_F(ClusterProvision, AHalfMadeClusterOfOursIsMadeAnew) {
  fake_.put("clusters", "testing\n");
  fake_.put("state/making", "1\n");
  succeed();
  const auto calls = fake_.calls({"kind create", "kind delete"});
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_THAT(calls[0], HasSubstr("kind delete cluster --name testing"));
  EXPECT_THAT(calls[1], HasSubstr("kind create cluster"));
}

TEST_F(ClusterProvision, SomebodyElsesClusterIsUsedAndNotDeleted) {
  fake_.put("clusters", "testing\n");
  succeed();
  EXPECT_THAT(fake_.calls({"kind create", "kind delete"}), IsEmpty());
  const auto refused = take_down(options_, tools_, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message, HasSubstr("was not made by 'egressproof kind up'; --force"));
  EXPECT_THAT(fake_.calls({"kind delete"}), IsEmpty());
  EXPECT_TRUE(take_down(options_, tools_, true).value_or(false));
  EXPECT_EQ(fake_.calls({"kind delete"}).size(), 1U);
}

TEST_F(ClusterProvision, DownDeletesWhatUpMadeAndTheStateFolder) {
  succeed();
  EXPECT_TRUE(take_down(options_, tools_, false).value_or(false));
  EXPECT_FALSE(std::filesystem::exists(options_.state_folder));
  EXPECT_EQ(fake_.text("clusters"), "");
  EXPECT_FALSE(take_down(options_, tools_, false).value_or(true));  // nothing there is no error
}

TEST_F(ClusterProvision, TheDeadlineTellsWhatWasAwaitedAndWhy) {
  options_.settings.deadlines.istio = milliseconds(50);
  fake_.put("workloads-istio-system", FakeTools::workloads({"istiod"}, 0));
  fake_.put("pods-istio-system",
            R"({"items": [{"kind": "Pod", "metadata": {"name": "istiod-1", "namespace": "istio-system"},
      "status": {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [
      {"name": "discovery", "ready": false, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}}]})");
  fake_.put("events-istio-system",
            R"({"items": [{"involvedObject": {"name": "istiod-1"}, "reason": "Failed", "message": "pull refused"}]})");
  fake_.put("log", "last words\nAuthorization: Bearer abcdefghijklmnop\n");
  const std::string told = failure();
  EXPECT_THAT(told, HasSubstr("not within 50 ms: awaited deployment ns/istiod: 0 of 1 available"));
  EXPECT_THAT(told, HasSubstr("pod istio-system/istiod-1: container discovery: ImagePullBackOff (no such image)"));
  EXPECT_THAT(told, HasSubstr("event: istiod-1: Failed: pull refused"));
  EXPECT_THAT(told, HasSubstr("log: last words"));
  EXPECT_THAT(told, Not(HasSubstr("abcdefghijklmnop")));
}

// Restarted nodes: what was done is on its way back, and is not done again.
TEST_F(ClusterProvision, WhatWasDoneAndIsNotReadyIsAwaited) {
  succeed();
  fake_.calls();
  fake_.put("workloads-istio-system", FakeTools::workloads({"istiod"}, 0));
  options_.on_event = [this](const StepEvent& event) {
    if (event.state == StepState::waiting) fake_.put("workloads-istio-system", FakeTools::workloads({"istiod"}, 1));
  };
  succeed();
  EXPECT_THAT(fake_.calls(changes), IsEmpty());
  options_.on_event = nullptr;
  fake_.put("workloads-istio-system", FakeTools::workloads({"other"}, 1));  // istiod is gone
  options_.settings.deadlines.istio = milliseconds(20);
  EXPECT_THAT(failure(), HasSubstr("not there in namespace 'istio-system': istiod"));
  EXPECT_EQ(fake_.calls({"istioctl install"}).size(), 1U);
}

TEST_F(ClusterProvision, InterruptedWhileTheClusterIsMade) {
  fake_.put("hang", "");
  options_.interrupted = [this] { return fake_.text("clusters") == "testing\n"; };
  const auto begun = std::chrono::steady_clock::now();
  const auto done = provision(options_, tools_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::interrupted);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
  fake_.remove("hang");
  options_.interrupted = nullptr;
  fake_.calls();
  succeed();
  EXPECT_EQ(fake_.calls({"kind delete"}).size(), 1U);  // half made
}

TEST_F(ClusterProvision, OneCallAtATime) {
  std::string second;
  options_.on_event = [&](const StepEvent& event) {
    if (event.step != "images" || event.state != StepState::started) return;
    ProvisionOptions other = options_;
    other.on_event = nullptr;
    const auto done = provision(other, tools_);
    second = done ? "done" : done.error().message;
  };
  succeed();
  EXPECT_THAT(second, HasSubstr("another 'egressproof kind' works on cluster 'testing'"));
}

TEST_F(ClusterProvision, StatusTellsWhatIsMissingAndChangesNothing) {
  auto status = provision_status(options_, tools_);
  ASSERT_TRUE(status) << to_string(status.error());
  ASSERT_EQ(status->size(), 6U);
  EXPECT_EQ(status->at(0).detail, "cluster 'testing' is not there");
  EXPECT_FALSE(status->at(3).ready);
  succeed();
  fake_.put("workloads-knative-serving", FakeTools::workloads({"activator", "autoscaler", "controller"}, 1));
  fake_.calls();
  status = provision_status(options_, tools_);
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->at(3).ready) << status->at(3).detail;
  EXPECT_EQ(status->at(4).detail, "not there in namespace 'knative-serving': webhook");
  EXPECT_THAT(fake_.calls(changes), IsEmpty());
}

TEST_F(ClusterProvision, CgroupV1StopsBeforeAnythingIsMade) {
  fake_.put("info", R"({"CgroupVersion": "1"})");
  EXPECT_THAT(failure(), HasSubstr("failCgroupV1: false"));
  EXPECT_THAT(fake_.calls(changes), IsEmpty());
}

TEST(FullReferenceTest, AsContainerdNamesIt) {
  EXPECT_EQ(full_reference("busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(full_reference("istio/pilot:1"), "docker.io/istio/pilot:1");
  EXPECT_EQ(full_reference("kind.local/a:1"), "kind.local/a:1");
  EXPECT_EQ(full_reference("localhost:5000/a"), "localhost:5000/a:latest");
}

}  // namespace
}  // namespace egressproof::backend::cluster
