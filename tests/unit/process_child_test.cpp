#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <thread>

#include "base/files.h"
#include "base/unique_fd.h"
#include "runner/process/child.h"

namespace egressproof::process {
namespace {

using std::chrono::milliseconds;

Command shell(const std::string& script) {
  Command command;
  command.argv = {"sh", "-c", script};
  return command;
}

// Polls until the process is neither running nor a zombie.
bool vanishes(pid_t pid, milliseconds limit = milliseconds(5000)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto state = read_file("/proc/" + std::to_string(pid) + "/stat");
    if (!state || state->find(") Z ") != std::string::npos) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    ::poll(nullptr, 0, 5);
  }
}

TEST(ChildTest, EndIsToldAsWhatItWas) {
  auto exits = Child::start(shell("exit 3"));
  ASSERT_TRUE(exits);
  EXPECT_EQ(to_string(exits->wait(milliseconds(5000)).value()), "exit code 3");
  auto killed = Child::start(shell("kill -9 $$"));
  ASSERT_TRUE(killed);
  EXPECT_EQ(to_string(killed->wait(milliseconds(5000)).value()), "signal 9");
  EXPECT_EQ(to_string(killed->ended().value()), "signal 9");  // and stays so
}

TEST(ChildTest, ProgramThatIsNotThereIsAnEnvironmentError) {
  Command command;
  command.argv = {"egressproof-no-such-program"};
  const auto child = Child::start(command);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().kind, ErrorKind::environment);
  EXPECT_EQ(child.error().message, "program 'egressproof-no-such-program' is not installed (not found in PATH)");
  command.argv = {"/nonexistent/program"};
  const auto absolute = Child::start(command);
  ASSERT_FALSE(absolute);
  EXPECT_NE(absolute.error().message.find("cannot start '/nonexistent/program': "), std::string::npos)
      << absolute.error().message;
}

TEST(ChildTest, DestructorEndsTheWholeGroup) {
  std::string told;
  {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read(ends[0]);
    const UniqueFd write(ends[1]);
    Command command = shell("sleep 1000 & echo $!; wait");
    command.out = write.get();
    auto child = Child::start(command);
    ASSERT_TRUE(child);
    char buffer[32];
    const ssize_t got = ::read(read.get(), buffer, sizeof buffer);
    ASSERT_GT(got, 0);
    told.assign(buffer, static_cast<std::size_t>(got));
  }
  EXPECT_TRUE(vanishes(std::stoi(told))) << "the child's child " << told << " lives on";
}

TEST(ChildTest, StopAsksFirstAndThenForces) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read(ends[0]);
  const UniqueFd write(ends[1]);
  const auto start = [&](const std::string& trap) {
    Command command = shell("trap " + trap + " TERM; echo ready; while :; do sleep 0.01; done");
    command.out = write.get();
    auto child = Child::start(command);
    char buffer[16];
    EXPECT_GT(::read(read.get(), buffer, sizeof buffer), 0);  // its handler is in place
    return child;
  };
  auto polite = start("'exit 7'");
  EXPECT_EQ(to_string(polite->stop(milliseconds(5000))), "exit code 7");
  auto deaf = start("''");
  EXPECT_EQ(to_string(deaf->stop(milliseconds(50))), "signal 9");
}

// PR_SET_PDEATHSIG fires when the thread that forked ends.
TEST(ChildTest, OutlivesTheThreadThatStartedIt) {
  Result<Child> child = fail(ErrorKind::internal, "not started");
  std::thread([&] { child = Child::start(shell("sleep 1000")); }).join();
  ASSERT_TRUE(child);
  EXPECT_FALSE(child->wait(milliseconds(200)).has_value());
}

TEST(ChildTest, ManyThreadsMayStartAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 5; ++k) {
        const auto told = run_checked(shell("echo " + std::to_string(i * 10 + k)), milliseconds(10000));
        if (told && *told == std::to_string(i * 10 + k) + "\n") ++right;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right.load(), 40);
}

// The runner killed with SIGKILL: what it started must go too.
TEST(ChildTest, DiesWithItsOwnersProcess) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read(ends[0]);
  UniqueFd write(ends[1]);
  // This same program runs the helper test below, which starts a child, tells its number and waits.
  Command command;
  command.argv = {"/proc/" + std::to_string(::getpid()) + "/exe", "--gtest_filter=DISABLED_ChildHelper.*",
                  "--gtest_also_run_disabled_tests"};
  command.out = write.get();
  auto owner = Child::start(command);
  ASSERT_TRUE(owner) << to_string(owner.error());
  write.reset();
  std::string told;
  char buffer[256];
  while (told.find("started=") == std::string::npos || told.find('.', told.find("started=")) == std::string::npos) {
    const ssize_t got = ::read(read.get(), buffer, sizeof buffer);
    ASSERT_GT(got, 0) << told;
    told.append(buffer, static_cast<std::size_t>(got));
  }
  const pid_t started = std::stoi(told.substr(told.find("started=") + 8));
  ASSERT_EQ(::kill(started, 0), 0);
  ASSERT_EQ(::kill(owner->pid(), SIGKILL), 0);  // the owner alone, not its group
  EXPECT_TRUE(vanishes(started));
}

TEST(DISABLED_ChildHelper, StartsAChildAndWaits) {
  auto child = Child::start(shell("sleep 1000"));
  ASSERT_TRUE(child);
  std::cout << "started=" << child->pid() << "." << std::flush;
  ::pause();
}

TEST(RunTest, LargeInputAndOutputPassThrough) {
  std::string input;
  for (int i = 0; i < 40000; ++i) input += std::to_string(i) + "\n";
  Command command;
  command.argv = {"cat"};
  const auto told = run_checked(command, milliseconds(20000), input);
  ASSERT_TRUE(told) << to_string(told.error());
  EXPECT_EQ(*told, input);
}

TEST(RunTest, FailureShowsCommandAndItsLastWords) {
  const auto told = run_checked(shell("echo no >&2; exit 4"), milliseconds(5000));
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().message, "'sh -c echo no >&2; exit 4': exit code 4: no");
}

TEST(RunTest, LimitIsKeptAndToldApartFromAnEnd) {
  const auto before = std::chrono::steady_clock::now();
  const auto finished = run(shell("sleep 1000"), milliseconds(100));
  ASSERT_TRUE(finished);
  EXPECT_EQ(to_string(finished->how), "no end within 100 ms");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
}

TEST(RunTest, EnvironmentIsWhatIsGivenAndNothingElse) {
  ::setenv("EGRESSPROOF_LEAKED", "yes", 1);
  Command command;
  command.argv = {"env"};
  command.env = {{"GIVEN", "1"}};
  const auto told = run_checked(command, milliseconds(5000));
  ::unsetenv("EGRESSPROOF_LEAKED");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->find("EGRESSPROOF_LEAKED"), std::string::npos);
  EXPECT_NE(told->find("GIVEN=1\n"), std::string::npos);
  EXPECT_NE(told->find("PATH="), std::string::npos);
}

}  // namespace
}  // namespace egressproof::process
