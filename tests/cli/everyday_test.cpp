// Series, shards, settings, completion, man page: what is used every day, through the real program.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>
#include <thread>

#include "base/unique_fd.h"
#include "tests/cli/support.h"

namespace egressproof::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* one_leak = R"({"overrides": [{"attempt": "basic/deny-raw/P3", "behaviour": "leak"}]})";

std::set<std::string> cells_of(const Scratch& scratch, const std::string& file) {
  std::set<std::string> cells;
  const Json report = Json::parse(scratch.read(file));
  for (const Json& cell : report["cells"])
    cells.insert(cell["case"].get<std::string>() + " " + cell["profile"].get<std::string>());
  return cells;
}

TEST(Series, RepeatsAndSaysThatNothingChanged) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, "", {"--repeat", "3"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("run 3 of 3: 30 cells: 28 pass"));
  EXPECT_THAT(ended.out, HasSubstr("3 runs, every cell the same each time"));
}

TEST(Series, StopsAtTheFirstFailureWhereAsked) {
  const Scratch scratch;
  for (const char* option : {"--until-failure=5", "--until-failure"}) {
    const Ended ended = run_small(scratch, one_leak, {option});
    EXPECT_EQ(ended.code, 1);
    EXPECT_THAT(ended.out, HasSubstr("\n1 run, every cell the same each time")) << option;
  }
  EXPECT_THAT(run_small(scratch, one_leak, {"--repeat", "3", "--fail-fast"}).out, HasSubstr("\n1 run, "));
  EXPECT_THAT(run_small(scratch, one_leak, {"--repeat", "3"}).out, HasSubstr("\n3 runs, "));
  EXPECT_EQ(run_small(scratch, "", {"--until-failure=2"}).code, 0);
}

// Until the run has read what it was given: the next writer must not append to it.
void await_no_reader(const std::string& pipe) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    const UniqueFd end(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (!end.valid() && errno == ENXIO) return;
    ::poll(nullptr, 0, 1);
  }
  ADD_FAILURE() << "the faults were never read to the end";
}

// The faults are read anew for each run: from a pipe, each run gets others.
TEST(Series, ACellThatChangesIsFlakyAndExitsWithFour) {
  const Scratch scratch;
  const std::string pipe = scratch.path("faults");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] {
    for (const char* faults : {"{}", R"({"stopped": ["deny"]})"}) {
      std::ofstream(pipe) << faults;
      await_no_reader(pipe);
    }
  });
  const Ended ended =
      run({"run", small_suite, "--backend", "fake", "--fake", pipe, "--repeat", "2", "--in-force-within", "1"});
  writer.join();
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("FLAKY"));
  EXPECT_THAT(ended.out, HasSubstr("basic/deny-http [P2]  DENY (pass) once, INCONCLUSIVE (inconclusive) once"));
  EXPECT_THAT(ended.out, Not(HasSubstr("basic/allow-http [P2]  ")));
}

TEST(FailFast, EndsARunAfterAFailedControl) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, R"({"stopped": ["deny"]})", {"--fail-fast", "--json", scratch.path("r.json")});
  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.err, HasSubstr("a failed control ends the run"));
  EXPECT_THAT(ended.err, Not(HasSubstr("] probes")));
}

TEST(RerunFailed, SelectsTheCellsThatDidNotPass) {
  const Scratch scratch;
  run_small(scratch, one_leak, {"--json", scratch.path("first.json")});
  const Ended again =
      run_small(scratch, "", {"--rerun-failed", scratch.path("first.json"), "--json", scratch.path("second.json")});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(cells_of(scratch, "second.json"), (std::set<std::string>{"deny-raw P3"}));
  EXPECT_THAT(again.err, HasSubstr("fake world of 2 pods")) << "the vantage and P3 alone";
  const Ended none = run_small(scratch, "", {"--rerun-failed", scratch.path("second.json")});
  EXPECT_EQ(none.code, 5);
  EXPECT_THAT(none.err, HasSubstr("every cell of"));
}

TEST(Shard, PartsAreDisjointAndCoverTheSuite) {
  const Scratch scratch;
  run_small(scratch, "", {"--json", scratch.path("all.json")});
  std::set<std::string> together;
  std::size_t sum = 0;
  for (const char* part : {"1/3", "2/3", "3/3"}) {
    run_small(scratch, "", {"--shard", part, "--json", scratch.path("part.json")});
    const auto cells = cells_of(scratch, "part.json");
    sum += cells.size();
    together.insert(cells.begin(), cells.end());
  }
  EXPECT_EQ(together, cells_of(scratch, "all.json"));
  EXPECT_EQ(sum, together.size());
  const Ended wrong = run_small(scratch, "", {"--shard", "4/3"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.err, "egressproof: --shard wants I/N with I from 1 to N, not '4/3'\n");
}

TEST(Settings, FlagsGoBeforeEnvironmentBeforeFile) {
  const Scratch scratch;
  const std::string file = scratch.write("s.yaml", "backend: fake\nprofile: [P1]\nrun:\n  profile: [P2, P3]\n");
  const auto profiles = [&](const std::string& variable, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"run", small_suite, "--config", file, "--json", scratch.path("r.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    process::Command made = command(arguments);
    if (!variable.empty()) made.env["EGRESSPROOF_PROFILE"] = variable;
    EXPECT_EQ(run(made).code, 0);
    std::string names;
    const Json report = Json::parse(scratch.read("r.json"));
    for (const Json& one : report["profiles"]) names += one["name"].get<std::string>() + " ";
    return names;
  };
  EXPECT_EQ(profiles("", {}), "P2 P3 ") << "the verb's own section goes before what holds for all";
  EXPECT_EQ(profiles("P1,P4", {}), "P1 P4 ");
  EXPECT_EQ(profiles("P1,P4", {"--profile", "P3"}), "P3 ");
}

TEST(Settings, MistakesAreToldWithTheirPlaces) {
  const Scratch scratch;
  const std::string file = scratch.write("s.yaml", "backend: fake\nrun:\n  repaet: 2\n  quiet: perhaps\n");
  const Ended ended = run({"run", small_suite, "--config", file});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("s.yaml:3:3: error: unknown key 'repaet'"));
  EXPECT_THAT(ended.err, HasSubstr("did you mean 'repeat'?"));
  EXPECT_THAT(ended.err, HasSubstr("s.yaml:4:10: error: 'quiet' must be true or false"));
  const Ended refused = run({"run", small_suite, "--config", scratch.write("t.yaml", "run: {backend: moon}\n")});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("t.yaml:1:16"));
  EXPECT_EQ(run({"run", small_suite, "--config", scratch.path("none.yaml")}).code, 2);
}

TEST(Settings, TheFileOfTheWorkingDirectoryIsRead) {
  const Scratch scratch;
  scratch.write("egressproof.yaml", "run: {backend: fake, quiet: true}\n");
  process::Command made = command({"run", small_suite});
  made.chdir = scratch.path(".");
  const Ended ended = run(made);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "");
}

// Bash itself completes "egressproof WORDS...".
std::string completed(const Scratch& scratch, const std::string& words) {
  const std::string script = scratch.write("completion.bash", run({"completion", "bash"}).out);
  process::Command made;
  made.argv = {"bash", "-c",
               "source " + script + "; COMP_WORDS=(egressproof " + words +
                   "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _egressproof; echo \"${COMPREPLY[*]}\""};
  return run(made).out;
}

TEST(Completion, OfBashKnowsVerbsOptionsAndValues) {
  const Scratch scratch;
  EXPECT_EQ(completed(scratch, "ru"), "run\n");
  EXPECT_EQ(completed(scratch, "run --rerun"), "--rerun-failed\n");
  EXPECT_EQ(completed(scratch, "run --backend ''"), "lab kind cluster fake\n");
  EXPECT_EQ(completed(scratch, "lab d"), "down\n");
  EXPECT_EQ(completed(scratch, "lab up --det"), "--detach\n");
}

TEST(Completion, OfEachShellHasEveryVerb) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ended ended = run({"completion", shell});
    EXPECT_EQ(ended.code, 0) << ended.err;
    for (const char* verb : {"run", "repro", "explain", "completion"}) EXPECT_THAT(ended.out, HasSubstr(verb)) << shell;
    EXPECT_THAT(ended.out, HasSubstr("until-failure")) << shell;
  }
  EXPECT_EQ(run({"completion", "tcsh"}).code, 2);
}

TEST(Man, HasEveryVerbAndOption) {
  const Ended ended = run({"man"});
  EXPECT_EQ(ended.code, 0);
  for (const char* part : {".TH EGRESSPROOF 1", ".SS run", ".SS lab up", "\\-\\-rerun\\-failed", ".SH EXIT STATUS"})
    EXPECT_THAT(ended.out, HasSubstr(part));
}

TEST(CasePages, AreThoseOfTheScenarioFiles) {
  const Scratch scratch;
  const Ended ended = run({"explain", "--markdown", scratch.path("cases"), EGRESSPROOF_SOURCE_DIR "/scenarios"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const std::filesystem::path shipped = EGRESSPROOF_SOURCE_DIR "/docs/cases";
  std::set<std::string> stale;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path("cases")))
    if (content_of(entry.path()) != content_of(shipped / entry.path().filename()))
      stale.insert(entry.path().filename().string());
  for (const auto& entry : std::filesystem::directory_iterator(shipped))
    if (!scratch.has("cases/" + entry.path().filename().string())) stale.insert(entry.path().filename().string());
  EXPECT_THAT(stale, IsEmpty()) << "make them anew: egressproof explain --markdown docs/cases scenarios";
}

TEST(Repro, OfAReportRepeatsWhatFailedOrLeaked) {
  const Scratch scratch;
  run_small(scratch, one_leak, {"--json", scratch.path("r.json")});
  const Ended ended = run({"repro", "--report", scratch.path("r.json"), small_suite, "--backend", "fake", "--fake",
                           scratch.path("faults.json"), "--bundle", scratch.path("bug.tar.gz")});
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("reproduced: 3 of 3 cells\n"));
  process::Command list;
  list.argv = {"tar", "tzf", scratch.path("bug.tar.gz")};
  for (const char* file : {"bug/report.json", "bug/policies.yaml", "bug/repro.sh", "bug/suite/policies/allow-none.yaml",
                           "bug/versions.txt"})
    EXPECT_THAT(run(list).out, HasSubstr(file));
  const Ended mended = run({"repro", "--report", scratch.path("r.json"), "deny-raw", small_suite, "--backend", "fake"});
  EXPECT_THAT(mended.out, HasSubstr("reproduced: 0 of 1 cell\n  not basic/deny-raw [P3]: was LEAK, is DENY"));
}

TEST(Repro, SaysWhyItOpensNoShell) {
  const Ended fake = run({"repro", "deny-raw", small_suite, "--profile", "P3", "--backend", "fake", "--shell"});
  EXPECT_EQ(fake.code, 2);
  EXPECT_THAT(fake.err, HasSubstr("--shell goes with --backend lab"));
  const Ended many = run({"repro", "deny-raw", small_suite, "--shell"});
  EXPECT_THAT(many.err, HasSubstr("--shell is about one pod"));
  const Ended pipe = run({"repro", "deny-raw", small_suite, "--profile", "P3", "--shell"});
  EXPECT_EQ(pipe.code, 2);
  EXPECT_EQ(pipe.err, "egressproof: --shell needs a terminal: standard input and output must be one\n");
}

}  // namespace
}  // namespace egressproof::cli
