// Nothing outlives a run, however it ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <set>

#include "base/crypto.h"
#include "base/files.h"
#include "base/unique_fd.h"
#include "runner/process/child.h"
#include "tests/lab/support.h"

namespace egressproof::backend::lab {
namespace {

using std::chrono::milliseconds;

std::filesystem::path folder_of(const std::string& run_id) {
  return std::filesystem::temp_directory_path() / ("egressproof-" + run_id);
}

// With a folder for temporary files of its own: clean_leftovers() must not take what others keep.
class LabFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* before = std::getenv("TMPDIR");
    before_ = before == nullptr ? "" : before;
    own_ = std::filesystem::temp_directory_path() / ("egressproof-unit-" + random_hex(4));
    ASSERT_TRUE(std::filesystem::create_directory(own_));
    ::setenv("TMPDIR", own_.c_str(), 1);
  }
  void TearDown() override {
    if (before_.empty())
      ::unsetenv("TMPDIR");
    else
      ::setenv("TMPDIR", before_.c_str(), 1);
    std::filesystem::remove_all(own_);
  }
  std::string before_;
  std::filesystem::path own_;
};

TEST_F(LabFolderTest, FolderOfADeadRunIsRemovedAndThatOfALiveOneIsNot) {
  const auto live = WorkFolder::create("test-" + random_hex(4));
  ASSERT_TRUE(live);
  const std::filesystem::path dead = folder_of("test-" + random_hex(4));
  std::filesystem::create_directory(dead);
  ASSERT_TRUE(write_file_atomically(dead / "owner.lock", ""));
  // A run that died before its folder had its name.
  const std::filesystem::path unborn = folder_of("test-" + random_hex(4) + ".1.99999999999.partial");
  std::filesystem::create_directory(unborn);
  ASSERT_TRUE(clean_leftovers());
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_FALSE(std::filesystem::exists(unborn));
  EXPECT_TRUE(std::filesystem::exists(live->path()));
}

TEST_F(LabFolderTest, KeptFolderStaysUntilAllAreAskedFor) {
  std::filesystem::path kept;
  {
    auto made = WorkFolder::create("test-" + random_hex(4));
    ASSERT_TRUE(made);
    made->keep();
    kept = made->path();
  }
  ASSERT_TRUE(clean_leftovers());
  EXPECT_TRUE(std::filesystem::exists(kept));
  ASSERT_TRUE(clean_leftovers(Leftovers::all));
  EXPECT_FALSE(std::filesystem::exists(kept));
}

TEST_F(LabFolderTest, LiveRunsAreListedWithTheirOwner) {
  const std::string run_id = "test-" + random_hex(4);
  const auto listed = [&]() -> int {
    const auto runs = live_runs();
    EXPECT_TRUE(runs);
    for (const LiveRun& run : *runs)
      if (run.run_id == run_id && run.path == folder_of(run_id)) return run.pid;
    return 0;
  };
  EXPECT_EQ(listed(), 0);
  {
    const auto made = WorkFolder::create(run_id);
    ASSERT_TRUE(made);
    EXPECT_EQ(listed(), ::getpid());
    EXPECT_FALSE(WorkFolder::create(run_id)) << "one run id, two runs";
  }
  EXPECT_EQ(listed(), 0);
}

TEST_F(LabFolderTest, RunIdThatWouldLeaveTheFolderIsRefused) {
  for (const char* run_id : {"", "../x", "a/b", "a b", "x.partial"}) {
    const auto made = WorkFolder::create(run_id);
    ASSERT_FALSE(made) << run_id;
    EXPECT_EQ(made.error().kind, ErrorKind::usage);
  }
}

// What a world does until it is killed: it tells each phase as it begins.
TEST(DISABLED_LabVictim, LivesUntilItIsKilled) {
  const auto tell = [](const char* phase) { std::cout << "phase " << phase << std::endl; };
  for (int round = 0;; ++round) {
    tell("opening");
    auto world = make(settings())->open(blueprint(), {});
    ASSERT_TRUE(world) << to_string(world.error());
    for (int generation = 1; generation <= 3; ++generation) {
      tell("applying");
      ASSERT_TRUE((*world)->apply({generation, generation % 2 == 0 ? "" : policies(), false}, {}));
      tell("attempting");
      std::map<std::string, std::vector<probe::Attempt>> batches;
      for (const char* pod : {"P0", "P2", "P3", "P4"})
        for (std::uint64_t i = 1; i <= 100; ++i) batches[pod].push_back(http(i, sink_address, "sink.test"));
      ASSERT_TRUE((*world)->attempt(batches));
    }
    tell("closing");
  }
}

// The caller's own namespace: links and packet filter rules by the names that the lab uses, and mounts.
struct Traces {
  std::set<std::string> links, mounts;
  std::size_t rules = 0;
  bool operator==(const Traces&) const = default;
};

Traces traces(const std::string& run_id) {
  Traces found;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net")) {
    const std::string name = entry.path().filename().string();
    const bool ours = name == "br0" || (name[0] == 'v' && name.find_first_not_of("0123456789", 1) == std::string::npos);
    if (ours) found.links.insert(name);
  }
  for (const char* program : {"iptables-save", "iptables-legacy-save", "ip6tables-save"}) {
    const auto rules = process::run_checked({{program}, {}, {}, -1, -1, -1}, milliseconds(10000));
    EXPECT_TRUE(rules) << to_string(rules.error());
    for (const char* word : {"ISTIO_", "19999"})
      for (std::size_t at = rules->find(word); at != std::string::npos; at = rules->find(word, at + 1)) ++found.rules;
  }
  const std::string mounts = read_file("/proc/self/mountinfo").value_or("");
  if (mounts.find("egressproof-" + run_id) != std::string::npos) found.mounts.insert(run_id);
  return found;
}

// Waits until the victim tells `phase`. False: it ended before.
bool wait_phase(const UniqueFd& out, const std::string& phase) {
  std::string told;
  char buffer[4096];
  while (told.find("phase " + phase) == std::string::npos) {
    const ssize_t got = ::read(out.get(), buffer, sizeof buffer);
    if (got <= 0) return false;
    told.append(buffer, static_cast<std::size_t>(got));
  }
  return true;
}

TEST(LabLeftovers, KilledAtRandomPointsNothingIsLeftButAFolderThatTheNextRunRemoves) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  std::cout << "seed " << seed << '\n';
  std::size_t most = 0;
  for (const int number : {SIGKILL, SIGTERM, SIGINT}) {
    for (const auto& [phase, span_ms] :
         std::map<std::string, int>{{"opening", 1500}, {"applying", 400}, {"attempting", 100}, {"closing", 100}}) {
      const std::string run_id = "killed-" + random_hex(4);
      const Traces before = traces(run_id);
      int ends[2];
      ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
      const UniqueFd read(ends[0]);
      UniqueFd write(ends[1]);
      process::Command command;
      command.argv = {std::string(EGRESSPROOF_BINARY_DIR) + "/lab_world", "--gtest_filter=DISABLED_LabVictim.*",
                      "--gtest_also_run_disabled_tests"};
      const char* home = std::getenv("HOME");
      command.env = {{"EGRESSPROOF_TEST_RUN_ID", run_id}, {"HOME", home == nullptr ? "" : home}};
      for (const char* name : {"XDG_CACHE_HOME", "EGRESSPROOF_TOOLCHAIN"})
        if (const char* value = std::getenv(name)) command.env[name] = value;
      command.out = write.get();
      auto child = process::Child::start(command);
      ASSERT_TRUE(child) << to_string(child.error());
      write.reset();
      ASSERT_TRUE(wait_phase(read, phase));
      const int after_ms = std::uniform_int_distribution<int>(0, span_ms)(random);
      ::poll(nullptr, 0, after_ms);  // the point at which it is killed, not a wait for a state
      most = std::max(most, processes_of(run_id).size());
      ASSERT_EQ(::kill(child->pid(), number), 0);  // the runner alone, not its group
      const std::string point = phase + " + " + std::to_string(after_ms) + " ms, signal " + std::to_string(number);
      EXPECT_TRUE(until(milliseconds(5000), [&] { return processes_of(run_id).empty(); })) << point;
      EXPECT_TRUE(child->wait(milliseconds(5000)).has_value()) << point;
      ASSERT_TRUE(clean_leftovers()) << point;
      for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
        EXPECT_EQ(entry.path().string().find(run_id), std::string::npos) << entry.path() << " after " << point;
      EXPECT_EQ(traces(run_id), before) << point;
    }
  }
  EXPECT_GT(most, 10U) << "no world had come up before it was killed: the test saw nothing";
}

TEST(LabLeftovers, DetectorsSeeWhatTheyLookFor) {
  // `sleep` names the run in its command line.
  auto child = process::Child::start({{"sh", "-c", "sleep 1000", "egressproof-detector"}, {}, {}, -1, -1, -1});
  ASSERT_TRUE(child);
  EXPECT_TRUE(until(milliseconds(5000), [] { return !processes_of("detector").empty(); }));
}

}  // namespace
}  // namespace egressproof::backend::lab
