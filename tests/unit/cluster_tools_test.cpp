#include "runner/backend/cluster/tools.h"

#include <gmock/gmock.h>

#include "tests/unit/cluster_fake_tools.h"

namespace egressproof::backend::cluster {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ClusterToolsTest, AllFourWithTheirVersions) {
  const FakeTools fake;
  const auto tools = look_for_tools(fake.search());
  ASSERT_EQ(tools.size(), 4U);
  EXPECT_EQ(tools[0].version, "28.2.2");
  EXPECT_EQ(tools[1].version, "v0.33.0");
  EXPECT_EQ(tools[2].version, "v1.36.3");
  EXPECT_EQ(tools[3].version, "1.31.0");
}

TEST(ClusterToolsTest, EveryMissingOneIsToldWithWhatToInstall) {
  const FakeTools fake;
  fake.remove("bin/kind");
  fake.remove("bin/istioctl");
  const auto tools = Tools::from(fake.search(), look_for_tools(fake.search()));
  ASSERT_FALSE(tools);
  EXPECT_EQ(tools.error().kind, ErrorKind::environment);
  EXPECT_THAT(tools.error().message, HasSubstr("kind: install kind (https://kind.sigs.k8s.io"));
  EXPECT_THAT(tools.error().message, HasSubstr("istioctl: install istioctl"));
  EXPECT_THAT(tools.error().message, Not(HasSubstr("docker: ")));
}

TEST(ClusterToolsTest, TheToolchainHasKubectlAndIstioctlWherePathHasNot) {
  const FakeTools fake;
  ToolSearch search = fake.search();
  search.toolchain = fake.folder() / "toolchain";
  fake.program("toolchain", "istioctl", "#!/bin/sh\necho client version: 9.9.9\n");
  fake.program("toolchain", "kind", "#!/bin/sh\necho kind v9.9.9\n");
  EXPECT_EQ(look_for_tools(search)[3].version, "1.31.0");  // PATH first
  fake.remove("bin/istioctl");
  EXPECT_EQ(look_for_tools(search)[3].version, "9.9.9");
  fake.remove("bin/kind");
  EXPECT_TRUE(look_for_tools(search)[1].path.empty());  // the toolchain never has kind
}

TEST(ClusterToolsTest, WhatIsNoProgramIsNotFound) {
  const FakeTools fake;
  std::filesystem::permissions(fake.folder() / "bin/kind", std::filesystem::perms::owner_read);
  EXPECT_TRUE(look_for_tools(fake.search())[1].path.empty());
}

TEST(ClusterToolsTest, EngineThatDoesNotAnswer) {
  const FakeTools fake;
  const Tools tools = fake.tools();
  fake.fail_on("docker info*");
  const auto engine = ask_engine(tools);
  ASSERT_FALSE(engine);
  EXPECT_THAT(engine.error().message, HasSubstr("the container engine does not answer; start it"));
  fake.remove("fail");
  fake.put("info", R"({"ServerErrors": ["Cannot connect to the Docker daemon"]})");
  const auto old_client = ask_engine(tools);
  ASSERT_FALSE(old_client);
  EXPECT_THAT(old_client.error().message, HasSubstr("Cannot connect"));
}

TEST(ClusterToolsTest, CgroupV1NeedsTheKubeletsConsent) {
  const FakeTools fake;
  fake.put("info", R"({"ServerVersion": "20.10", "CgroupVersion": "1", "MemTotal": 17179869184})");
  const auto engine = ask_engine(fake.tools());
  ASSERT_TRUE(engine) << to_string(engine.error());
  EXPECT_EQ(engine->cgroup, 1);
  const auto problem = engine_problem(*engine, {{"kind", "Cluster"}});
  ASSERT_TRUE(problem);
  EXPECT_THAT(*problem, HasSubstr("systemd.unified_cgroup_hierarchy=1"));
  EXPECT_THAT(*problem, HasSubstr("failCgroupV1: false"));
  const Json allowed = {{"kubeadmConfigPatches", {"kind: KubeletConfiguration\nfailCgroupV1: false\n"}}};
  EXPECT_FALSE(engine_problem(*engine, allowed));
  EXPECT_FALSE(engine_problem({"28", 2, std::uint64_t{16} << 30U}, Json::object()));
  EXPECT_THAT(engine_problem({"28", 2, std::uint64_t{2} << 30U}, Json::object()).value_or(""), HasSubstr("2048 MiB"));
}

}  // namespace
}  // namespace egressproof::backend::cluster
