#include "runner/backend/cluster/ownership.h"

#include <gmock/gmock.h>

#include "runner/backend/cluster/core_dns.h"
#include "runner/backend/cluster/objects.h"
#include "runner/backend/cluster/pods.h"

namespace egressproof::backend::cluster {
namespace {

constexpr const char* corefile = ".:53 {\n    kubernetes cluster.local\n    reload\n}\n";

TEST(StubDomainTest, WhatWasAddedIsTakenAwayToTheByte) {
  const std::string with = with_stub_domain(corefile, {"test", "example"}, "10.0.0.7");
  EXPECT_NE(with.find("test:53 {\n    errors\n    forward . 10.0.0.7\n}\n"), std::string::npos);
  EXPECT_NE(with.find("example:53 {"), std::string::npos);
  EXPECT_EQ(without_stub_domain(with), corefile);
  EXPECT_EQ(without_stub_domain(corefile), corefile);
}

TEST(StubDomainTest, ThatOfADeadRunIsReplaced) {
  const std::string dead = with_stub_domain(corefile, {"test"}, "10.0.0.7");
  EXPECT_EQ(with_stub_domain(dead, {"test"}, "10.0.0.8"), with_stub_domain(corefile, {"test"}, "10.0.0.8"));
  // What others added behind it stays.
  EXPECT_EQ(without_stub_domain(dead + "other:53 {\n}\n"), std::string(corefile) + "other:53 {\n}\n");
  EXPECT_EQ(with_stub_domain(corefile, {}, "10.0.0.8"), corefile);
}

TEST(HolderTest, ARunIsOverWhenItsProcessIsDeadOrSilentOrItWasKept) {
  Holder holder{"r", this_process(), 1000, false};
  EXPECT_FALSE(is_over(holder, 1030));
  EXPECT_TRUE(is_over(holder, 1061));
  holder.kept = true;
  EXPECT_TRUE(is_over(holder, 1000));
  holder.kept = false;
  const std::string own = this_process();
  // The same pid, begun at another time: it was used again.
  holder.process = own.substr(0, own.rfind('/')) + "/1";
  EXPECT_TRUE(is_over(holder, 1000));
  holder.process = "another-host/boot/1/1";
  EXPECT_FALSE(is_over(holder, 1000)) << "of another machine only silence tells";
  EXPECT_TRUE(is_over(holder, 1061));
}

TEST(HolderTest, ANamespaceWithoutTheLabelIsSomebodyElses) {
  const auto foreign = holder_of({{"metadata", {{"name", "tenant-p2"}}}});
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("namespace 'tenant-p2' is there and is not of a run"), std::string::npos);
  const auto ours =
      holder_of({{"metadata",
                  {{"name", "n"},
                   {"labels", {{run_label, "r7"}}},
                   {"annotations", {{"egressproof.dev/renewed", "17"}, {"egressproof.dev/kept", "true"}}}}}});
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->run_id, "r7");
  EXPECT_EQ(ours->renewed_s, 17);
  EXPECT_TRUE(ours->kept);
}

TEST(PodsTest, TroubleIsTheFirstThatAContainerTells) {
  const Json waiting = {{"metadata", {{"name", "p"}, {"namespace", "n"}, {"labels", {{probe_label, "p2"}}}}},
                        {"spec", {{"nodeName", "one"}}},
                        {"status",
                         {{"phase", "Pending"},
                          {"initContainerStatuses",
                           {{{"name", "istio-proxy"}, {"restartCount", 2}, {"state", {{"running", Json::object()}}}}}},
                          {"containerStatuses",
                           {{{"name", "probe"},
                             {"restartCount", 1},
                             {"state", {{"waiting", {{"reason", "ErrImagePull"}, {"message", "not found"}}}}}}}}}}};
  const Json ready = {
      {"metadata", {{"name", "q"}, {"namespace", "n"}, {"deletionTimestamp", "now"}}},
      {"status",
       {{"phase", "Running"}, {"podIP", "10.0.0.3"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}};
  const Json unscheduled = {{"metadata", {{"name", "u"}, {"namespace", "n"}}},
                            {"status",
                             {{"phase", "Pending"},
                              {"conditions",
                               {{{"type", "PodScheduled"},
                                 {"status", "False"},
                                 {"reason", "Unschedulable"},
                                 {"message", "Insufficient cpu"}}}}}}};
  const auto pods = parse_pods({{"items", {waiting, ready, unscheduled}}});
  ASSERT_EQ(pods.size(), 3U);
  EXPECT_EQ(describe(pods[0]), "pod n/p is not running: container probe: ErrImagePull (not found)");
  EXPECT_EQ(pods[0].probe, "p2");
  EXPECT_EQ(pods[0].node, "one");
  EXPECT_EQ(pods[0].restarts, 3);
  EXPECT_TRUE(pods[1].ready);
  EXPECT_TRUE(pods[1].ending);
  EXPECT_EQ(pods[1].address, "10.0.0.3");
  EXPECT_EQ(describe(pods[2]), "pod n/u is not running: Unschedulable: Insufficient cpu");
}

TEST(PodsTest, StillbornIsWhatNeverRan) {
  const auto pod = [](const char* phase, const std::vector<std::string>& reasons) {
    Json status = {{"phase", phase}, {"containerStatuses", Json::array()}};
    for (const std::string& reason : reasons)
      status["containerStatuses"].push_back({{"name", "c"}, {"state", {{"terminated", {{"reason", reason}}}}}});
    return Json{{"metadata", {{"name", "p"}, {"namespace", "n"}}}, {"status", status}};
  };
  const auto pods = parse_pods(
      {{"items",
        {pod("Failed", {"StartError"}), pod("Failed", {"ContainerCannotRun", "StartError"}), pod("Failed", {"Error"}),
         pod("Failed", {"StartError", "Error"}), pod("Running", {"StartError"}), pod("Failed", {})}}});
  std::vector<bool> told;
  for (const Pod& one : pods) told.push_back(one.stillborn);
  EXPECT_THAT(told, testing::ElementsAre(true, true, false, false, false, false)) << "evicted: it may have run";
}

}  // namespace
}  // namespace egressproof::backend::cluster
