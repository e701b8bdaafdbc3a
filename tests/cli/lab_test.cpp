// The lab's verbs and an interrupted run with the real parts: nothing is left behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>

#include <csignal>
#include <cstdlib>

#include "base/unique_fd.h"
#include "tests/cli/support.h"

namespace egressproof::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As the user's: the toolchain's place is known from HOME, and work folders go to a folder of this test.
process::Command in_lab(const Scratch& scratch, const std::vector<std::string>& arguments) {
  process::Command made = command(arguments);
  for (const char* name : {"HOME", "XDG_CACHE_HOME", "EGRESSPROOF_TOOLCHAIN"})
    if (const char* value = std::getenv(name); value != nullptr) made.env[name] = value;
  std::filesystem::create_directories(scratch.path("tmp"));
  // mkdtemp made it 0700, and the workloads are not root.
  std::filesystem::permissions(scratch.path("."), std::filesystem::perms(0755));
  made.env["TMPDIR"] = scratch.path("tmp");
  return made;
}

std::vector<std::string> left_in(const Scratch& scratch) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path("tmp")))
    names.push_back(entry.path().filename().string());
  return names;
}

// The word after `before` in `text`.
std::string word_after(const std::string& text, const std::string& before) {
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + before.size();
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

// Runs; a zombie, which only waits for its parent, does not.
bool is_process(const std::string& pid) {
  const std::string stat = content_of("/proc/" + pid + "/stat");
  const std::size_t state = stat.rfind(") ");
  return state != std::string::npos && stat[state + 2] != 'Z';
}

TEST(Lab, UpDetachedCanBeEnteredAndIsGoneAfterDown) {
  const Scratch scratch;
  const Ended up = run(in_lab(scratch, {"lab", "up", small_suite, "--profile", "P3", "--detach"}));
  ASSERT_EQ(up.code, 0) << up.err;
  EXPECT_THAT(up.out, HasSubstr("canaries right in 2 of 2 profiles"));
  const std::string run_id = word_after(up.out, "lab ");
  const Ended status = run(in_lab(scratch, {"lab", "status"}));
  EXPECT_THAT(status.out, HasSubstr(run_id + "  lab, up, process "));
  const std::string pod = word_after(status.out, "P3  P2 + ServiceEntry, DNS\n      nsenter --target ");
  process::Command look;
  look.argv = {"nsenter", "--target", pod, "--net", "ip", "-brief", "address", "show", "eth0"};
  EXPECT_THAT(run(std::move(look)).out, HasSubstr("203.0.113.")) << status.out;
  const std::string owner = word_after(status.out, "lab, up, process ");
  const Ended down = run(in_lab(scratch, {"lab", "down"}));
  EXPECT_EQ(down.out, "ended " + run_id + "\n") << down.err;
  EXPECT_FALSE(is_process(owner.substr(0, owner.find(','))));
  EXPECT_FALSE(is_process(pod));
  EXPECT_THAT(left_in(scratch), IsEmpty());
  EXPECT_EQ(run(in_lab(scratch, {"lab", "status"})).out, "no lab is up\n");
}

TEST(Lab, DownRemovesWhatAKilledLabLeft) {
  const Scratch scratch;
  ASSERT_EQ(run(in_lab(scratch, {"lab", "up", small_suite, "--profile", "P3", "--detach"})).code, 0);
  const std::string status = run(in_lab(scratch, {"lab", "status"})).out;
  const int owner = std::atoi(word_after(status, "lab, up, process ").c_str());
  ASSERT_GT(owner, 1);
  ASSERT_EQ(::kill(owner, SIGKILL), 0);
  const std::string pod = word_after(status, "nsenter --target ");
  for (int i = 0; i < 500 && is_process(pod); ++i) ::poll(nullptr, 0, 10);
  EXPECT_FALSE(is_process(pod)) << "the pods die with their owner";
  const Ended down = run(in_lab(scratch, {"lab", "down"}));
  EXPECT_EQ(down.out, "removed 1 folder of dead runs\n") << down.err;
  EXPECT_THAT(left_in(scratch), IsEmpty());
}

TEST(Lab, AnInterruptedRunReportsAndLeavesNothing) {
  const Scratch scratch;
  process::Command made = in_lab(scratch, {"run", small_suite, "--json", scratch.path("report.json")});
  const UniqueFd log(::open(scratch.path("err").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  made.out = made.err = log.get();
  auto child = process::Child::start(made);
  ASSERT_TRUE(child) << to_string(child.error());
  for (int i = 0; i < 3000 && scratch.read("err").find("] apply\n") == std::string::npos; ++i) ::poll(nullptr, 0, 10);
  ::kill(child->pid(), SIGINT);
  const auto how = child->wait(std::chrono::seconds(30));
  ASSERT_TRUE(how && std::holds_alternative<process::Exited>(*how)) << scratch.read("err");
  EXPECT_EQ(std::get<process::Exited>(*how).code, 130) << scratch.read("err");
  EXPECT_THAT(Json::parse(scratch.read("report.json"))["aborted"], HasSubstr("interrupted by signal 2"));
  EXPECT_THAT(left_in(scratch), IsEmpty());
}

}  // namespace
}  // namespace egressproof::cli
