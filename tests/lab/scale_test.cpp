// Ten profiles side by side, and two worlds on one machine.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <iostream>
#include <thread>

#include "base/crypto.h"
#include "base/unique_fd.h"
#include "tests/lab/support.h"

namespace egressproof::backend::lab {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds since(Clock::time_point begin) { return std::chrono::duration_cast<milliseconds>(Clock::now() - begin); }

struct Times {
  milliseconds up{0}, slowest_apply{0}, down{0};
};

Times measure(const Blueprint& made, const std::string& manifests) {
  Times times;
  const auto backend = make(settings());
  const auto begin = Clock::now();
  auto opened = backend->open(
      made, [&](const std::string& step) { std::cout << "  " << since(begin).count() << " ms: " << step << '\n'; });
  EXPECT_TRUE(opened) << to_string(opened.error());
  if (!opened) return times;
  times.up = since(begin);
  const std::unique_ptr<World> world = std::move(*opened);
  for (int generation = 1; generation <= 3; ++generation) {
    const auto applied = world->apply({generation, generation == 1 ? "" : manifests, false}, {});
    EXPECT_TRUE(applied) << to_string(applied.error());
    if (!applied) break;
    const auto took = std::chrono::duration_cast<milliseconds>(applied->acknowledged_at - applied->applied_at);
    times.slowest_apply = std::max(times.slowest_apply, took);
  }
  EXPECT_EQ(world->health(), std::vector<std::string>{});
  const auto down = Clock::now();
  EXPECT_TRUE(world->close());
  times.down = since(down);
  std::cout << "  up " << times.up.count() << " ms, slowest apply " << times.slowest_apply.count() << " ms, down "
            << times.down.count() << " ms\n";
  return times;
}

TEST(LabScale, TenProfilesAreUpInFiveSecondsAndDownInOne) {
  Blueprint made = blueprint();
  made.profiles = {profile("P0", "tenant-p0", scenario::Mesh::none)};
  std::string manifests;
  for (const char* name : {"P1", "P2", "P3", "P3v", "P3t", "P4", "P4t", "P5n", "P5d"}) {
    made.profiles.push_back(profile(name, std::string("tenant-") + name, scenario::Mesh::sidecar));
    manifests += sidecar(made.profiles.back().ns) + service_entry(made.profiles.back().ns, "DNS");
  }
  // The best of a few: what else the machine does at the moment is not the lab's doing.
  Times best;
  for (int attempt = 0; attempt < 4; ++attempt) {
    best = measure(made, manifests);
    if (best.up < milliseconds(5000) && best.slowest_apply < milliseconds(1000) && best.down < milliseconds(1000))
      break;
  }
  EXPECT_LT(best.up, milliseconds(5000));
  EXPECT_LT(best.slowest_apply, milliseconds(1000));
  EXPECT_LT(best.down, milliseconds(1000));
}

// Opens a world, and finds whether what it sees is its own: its policy, its receipts, its records.
std::string run_one(bool closed) {
  auto opened = make(settings())->open(blueprint(), {});
  if (!opened) return to_string(opened.error());
  World& world = **opened;
  for (int round = 1; round <= 3; ++round) {
    const auto applied = world.apply({round, closed ? policies() : "", false}, {});
    if (!applied) return to_string(applied.error());
    std::vector<probe::Attempt> batch;
    for (std::uint64_t i = 1; i <= 20; ++i) batch.push_back(http(i, deny_address, "deny.test"));
    const auto results = world.attempt({{"P2", batch}});
    const auto journal = world.receipts();
    const auto records = world.mesh_records();
    if (!results || !journal || !records) return "no results";
    for (const probe::Attempt& attempt : batch)
      if (reached(*journal, attempt.nonce) != (closed ? Fixtures{} : Fixtures{"deny"}))
        return "attempt went the way of the other world's policy";
    std::size_t requests = 0;
    for (const auto& receipt : journal->receipts)
      if (receipt.kind == target::ReceiptKind::request) ++requests;
    if (requests != (closed ? 0U : 20U * static_cast<unsigned>(round))) return "foreign receipts";
    if (records->size() != 20U * static_cast<unsigned>(round))
      return "foreign or missing records: " + std::to_string(records->size());
  }
  const auto problems = world.health();
  return problems.empty() ? "" : problems.front();
}

TEST(LabScale, TwoWorldsAtOnceDoNotDisturbEachOther) {
  auto open = std::async(std::launch::async, [] { return run_one(false); });
  auto closed = std::async(std::launch::async, [] { return run_one(true); });
  EXPECT_EQ(open.get(), "");
  EXPECT_EQ(closed.get(), "");
}

// A listener of the pod whose queue holds one connection, and more callers than that.
TEST_F(LabWorldTest, LossInTheKernelIsTold) {
  ASSERT_EQ(world_->health(), std::vector<std::string>{});
  const int pid = world_->pod_processes().at("P2");
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
  std::thread([&] {
    const UniqueFd netns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::setns(netns.get(), CLONE_NEWNET), 0);
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(20000);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 0), 0);
    std::vector<UniqueFd> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      ::connect(callers.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
  }).join();
  const auto problems = world_->health();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems.front().find("more TcpExt.ListenDrops in pod P2"), std::string::npos) << problems.front();
}

}  // namespace
}  // namespace egressproof::backend::lab
