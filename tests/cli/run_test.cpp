// `run` and `repro` through the real program and the fake world: every exit code, and reports on every way out.
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
using ::testing::Not;

Json report_of(const Scratch& scratch) { return Json::parse(scratch.read("report.json"), nullptr, false); }

TEST(ExitCode, ZeroWhenEverySelectedCellMatched) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, "", {"--json", scratch.path("report.json")});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("30 cells: 28 pass, 2 known-leak"));
  EXPECT_THAT(ended.out, HasSubstr("result: every cell that ran matched (exit code 0)"));
  EXPECT_EQ(report_of(scratch)["exit_code"], 0);
}

TEST(Run, InSeveralWorldsIsOneReport) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, "", {"--json", scratch.path("report.json"), "--pods-at-once", "2"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("world 2 of 3, open: P2, P3\n"));
  EXPECT_THAT(ended.out, HasSubstr("30 cells: 28 pass, 2 known-leak"));
  EXPECT_EQ(report_of(scratch)["generations"].size(), 3U);
  EXPECT_EQ(run_small(scratch, "", {"--pods-at-once", "some"}).code, 2);
}

TEST(ExitCode, OneForAMismatch) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, R"({"overrides": [{"attempt": "basic/deny-raw/P3", "behaviour": "leak"}]})");
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.out, HasSubstr("egressproof repro basic/deny-raw --profile P3"));
}

TEST(ExitCode, TwoForAScenarioErrorAndNoReport) {
  const Scratch scratch;
  const Ended ended = run({"run", EGRESSPROOF_SOURCE_DIR "/tests/cli/data/broken", "--backend", "fake", "--json",
                           scratch.path("report.json")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_FALSE(scratch.has("report.json"));
}

TEST(ExitCode, TwoForOptionsThatDoNotFitTogether) {
  const Scratch scratch;
  const std::string faults = scratch.write("faults.json", "{}");
  const Ended lab = run({"run", small_suite, "--fake", faults});
  EXPECT_EQ(lab.code, 2);
  EXPECT_EQ(lab.err, "egressproof: --fake goes with --backend fake\n");
  const Ended fake = run({"run", small_suite, "--backend", "fake", "--toolchain", "/tmp"});
  EXPECT_EQ(fake.code, 2);
  EXPECT_EQ(fake.err, "egressproof: --toolchain goes with --backend lab or kind\n");
  const Ended broken = run_small(scratch, R"({"stoped": []})");
  EXPECT_EQ(broken.code, 2);
  EXPECT_THAT(broken.err, HasSubstr("unknown key 'stoped' (did you mean 'stopped'?)"));
}

TEST(ExitCode, ThreeForTheEnvironmentWithReports) {
  const Scratch scratch;
  for (const char* faults :
       {R"({"detect_error": "no network namespaces here"})", R"({"open_error": "no network namespaces here"})",
        R"({"rejections": [{"generation": 2, "message": "no network namespaces here"}]})"}) {
    const Ended ended = run_small(scratch, faults,
                                  {"--json", scratch.path("report.json"), "--junit", scratch.path("report.xml"),
                                   "--ndjson", scratch.path("report.ndjson"), "--text", scratch.path("report.txt")});
    EXPECT_EQ(ended.code, 3) << faults;
    EXPECT_THAT(ended.err, HasSubstr("egressproof: run aborted: no network namespaces here\n"));
    EXPECT_EQ(report_of(scratch)["aborted"], "no network namespaces here");
    EXPECT_EQ(report_of(scratch)["exit_code"], 3);
    for (const char* file : {"report.xml", "report.ndjson", "report.txt"})
      EXPECT_THAT(scratch.read(file), HasSubstr("no network namespaces here")) << file;
    for (const char* file : {"report.json", "report.xml", "report.ndjson", "report.txt"})
      std::filesystem::remove(scratch.path(file));
  }
}

TEST(ExitCode, ThreeForALabWithoutToolchain) {
  const Scratch scratch;
  const Ended ended =
      run({"run", small_suite, "--toolchain", scratch.path("none"), "--json", scratch.path("report.json")});
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("egressproof: run aborted: the lab"));
  EXPECT_EQ(report_of(scratch)["backend"], "lab");
}

TEST(ExitCode, ThreeWhenAReportCannotBeWritten) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, "", {"--json", "/proc/none/report.json"});
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("/proc/none"));
}

TEST(ExitCode, FourForAnInconclusiveCell) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, R"({"stopped": ["deny"]})", {"--json", scratch.path("report.json")});
  EXPECT_EQ(ended.code, 4);
  EXPECT_EQ(report_of(scratch)["exit_code"], 4);
}

TEST(ExitCode, FourForTheDeadlineOfTheRun) {
  const Scratch scratch;
  const std::string faults = scratch.write("faults.json", R"({"enforcement": [{"profile": "P3", "never": true}]})");
  const Ended ended =
      run({"run", small_suite, "--backend", "fake", "--fake", faults, "--in-force-within", "60", "--deadline", "1"});
  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.err, HasSubstr("the run's deadline of 1000 ms passed while waiting for canaries"));
}

TEST(ExitCode, FiveWhenNothingRan) {
  const Scratch scratch;
  scratch.write("faults.json", "{}");
  const Ended ended = run_small(scratch, "", {"--case", "allow-http", "--tag", "bypass"});
  EXPECT_EQ(ended.code, 5);
  EXPECT_THAT(ended.out, HasSubstr("NOTHING RAN"));
}

TEST(ExitCode, SeventyForAnInternalErrorWithReports) {
  const Scratch scratch;
  const Ended ended =
      run_small(scratch, R"({"crash_at": "basic/deny-raw/P2"})", {"--json", scratch.path("report.json")});
  EXPECT_EQ(ended.code, 70);
  EXPECT_EQ(report_of(scratch)["aborted"], "internal error: the fake was told to crash at basic/deny-raw/P2");
}

// Starts the program, waits until standard error has `awaited`, sends the signal.
int interrupted_at(process::Command made, const std::string& awaited, const std::string& err, int signal) {
  const UniqueFd log(::open(err.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600));
  made.out = made.err = log.get();
  auto child = process::Child::start(made);
  if (!child) {
    ADD_FAILURE() << to_string(child.error());
    return -1;
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (content_of(err).find(awaited) == std::string::npos) {
    if (std::chrono::steady_clock::now() >= deadline || child->ended()) {
      ADD_FAILURE() << "never said '" << awaited << "':\n" << content_of(err);
      return -1;
    }
    ::poll(nullptr, 0, 5);
  }
  ::kill(child->pid(), signal);
  const auto how = child->wait(std::chrono::seconds(30));
  const auto* exited = how ? std::get_if<process::Exited>(&*how) : nullptr;
  if (exited == nullptr) ADD_FAILURE() << (how ? process::to_string(*how) : "it goes on") << content_of(err);
  return exited == nullptr ? -1 : exited->code;
}

TEST(ExitCode, OfASignalWithReports) {
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    const Scratch scratch;
    const std::string faults = scratch.write("faults.json", R"({"enforcement": [{"profile": "P3", "never": true}]})");
    const process::Command made = command({"run", small_suite, "--backend", "fake", "--fake", faults,
                                           "--in-force-within", "60", "--json", scratch.path("report.json")});
    EXPECT_EQ(interrupted_at(made, "] apply\n", scratch.path("err"), signal), code);
    EXPECT_THAT(report_of(scratch).value("aborted", ""),
                HasSubstr("interrupted by signal " + std::to_string(signal) + " while waiting for canaries"));
    EXPECT_EQ(report_of(scratch)["exit_code"], code);
  }
}

TEST(LabUp, StaysUntilItIsInterruptedAndThenEndsWell) {
  const Scratch scratch;
  const process::Command made = command({"lab", "up", small_suite, "--backend", "fake", "--profile", "P3"});
  EXPECT_EQ(interrupted_at(made, "end it with: egressproof lab down", scratch.path("err"), SIGTERM), 0);
  const std::string text = scratch.read("err");
  EXPECT_THAT(text,
              HasSubstr("is up and in force: the fake mesh took generation 2, canaries right in 2 of 2 profiles"));
  EXPECT_THAT(text, HasSubstr("  P3  P2 + ServiceEntry, DNS\n"));
  EXPECT_THAT(text, Not(HasSubstr("  P4  ")));
}

TEST(LabDown, HasNothingToEndWhereNothingLives) {
  const Scratch scratch;
  for (const auto& [verb, text] : {std::pair{"status", "no lab is up\n"}, std::pair{"down", "nothing to end\n"}}) {
    process::Command made = command({"lab", verb});
    made.env["TMPDIR"] = scratch.path(".");
    const Ended ended = run(std::move(made));
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out, text);
  }
}

TEST(Run, TellsProgressInPlainLinesOnStandardError) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, "");
  for (const char* phase :
       {"] open\n", "] open: fake world of 5 pods\n", "] canary\n", "] apply\n", "] controls before\n",
        "] probes: 30 cells in 5 pods\n", "] controls after\n", "] revocation\n", "] collect\n", "] close\n"})
    EXPECT_THAT(ended.err, HasSubstr(phase));
  EXPECT_THAT(ended.err, Not(HasSubstr("\x1b")));
  EXPECT_EQ(run_small(scratch, "", {"--quiet"}).err, "");
  EXPECT_EQ(run_small(scratch, "", {"--quiet"}).out, "");
}

TEST(Run, ColoursOnlyWhereAsked) {
  const Scratch scratch;
  EXPECT_THAT(run_small(scratch, "").out, Not(HasSubstr("\x1b[")));
  EXPECT_THAT(run_small(scratch, "", {"--colour", "always"}).out, HasSubstr("\x1b["));
  EXPECT_THAT(run_small(scratch, "", {"--color", "never"}).out, Not(HasSubstr("\x1b[")));
}

// All that the program writes when both of its outputs are a terminal.
std::string on_terminal(process::Command made) {
  const UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  EXPECT_EQ(::grantpt(terminal.get()), 0);
  EXPECT_EQ(::unlockpt(terminal.get()), 0);
  UniqueFd slave(::open(::ptsname(terminal.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  made.out = made.err = slave.get();
  auto child = process::Child::start(made);
  slave.reset();
  if (!child) {
    ADD_FAILURE() << to_string(child.error());
    return "";
  }
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(terminal.get(), buffer, sizeof buffer)) > 0;)  // EIO: the program ended
    text.append(buffer, static_cast<std::size_t>(got));
  child->wait(std::chrono::seconds(30));
  return text;
}

TEST(Run, OnATerminalRewritesItsProgressAndHasColourUnlessNoColor) {
  process::Command made = command({"run", small_suite, "--backend", "fake"});
  made.env["TERM"] = "xterm";
  const std::string text = on_terminal(made);
  EXPECT_THAT(text, HasSubstr("\r\x1b[K["));
  EXPECT_THAT(text, HasSubstr("\x1b[3"));
  made.env["NO_COLOR"] = "1";
  const std::string plain = on_terminal(made);
  EXPECT_THAT(plain, HasSubstr("\r\x1b[K["));
  EXPECT_THAT(plain, Not(HasSubstr("\x1b[3")));
}

TEST(Run, SameSeedSameVerdictsAndNonces) {
  const Scratch scratch;
  std::vector<std::string> nonces;
  for (int i = 0; i < 2; ++i) {
    run_small(scratch, "", {"--seed", "7", "--ndjson", scratch.path("report.ndjson")});
    const std::string text = scratch.read("report.ndjson");
    std::string found;
    for (std::size_t at = text.find("\"nonce\":\""); at != std::string::npos; at = text.find("\"nonce\":\"", at + 1))
      if (found.find(text.substr(at + 9, 32)) == std::string::npos) found += text.substr(at + 9, 32) + " ";
    nonces.push_back(found);
  }
  EXPECT_NE(nonces[0], "");
  EXPECT_EQ(nonces[0], nonces[1]);
}

TEST(Run, TakesFoldersAndFilesAndRepeatedSelections) {
  const Scratch scratch;
  const Ended ended = run_small(scratch, "",
                                {"--case", "deny-raw", "--case", "basic/spoof.sni", "--profile", "P3", "--profile",
                                 "P4", "--json", scratch.path("report.json")});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("4 cells: 3 pass, 1"));
}

TEST(Repro, ShowsEachWitnessAndTheCurlLine) {
  const Ended ended = run({"repro", "basic/spoof.host", small_suite, "--backend", "fake", "--profile", "P4"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("1 cell in 1 pod"));
  EXPECT_THAT(ended.err, HasSubstr("fake world of 2 pods")) << "the vantage and P4, nothing else";
  for (const char* part : {"basic/spoof.host [P4]", "client", "receipt", "curl ", "--http1.1", "sink #", "control"})
    EXPECT_THAT(ended.out, HasSubstr(part));
}

}  // namespace
}  // namespace egressproof::cli
