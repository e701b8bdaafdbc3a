// Help, mistyped words, and the verbs that need no world.
#include <gmock/gmock.h>

#include "tests/cli/support.h"

namespace egressproof::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string file(const char* name) { return content_of(EGRESSPROOF_SOURCE_DIR "/tests/cli/data/" + std::string(name)); }

TEST(Help, FitsAScreenAndEndsWithThreeExamples) {
  const Ended ended = run({"--help"});
  EXPECT_EQ(ended.code, 0);
  const auto lines = lines_of(ended.out);
  EXPECT_LE(lines.size(), 24U) << ended.out;
  for (const char* verb : {"run", "list", "validate", "explain", "repro", "report", "diff", "lab", "kind"})
    EXPECT_THAT(ended.out, HasSubstr("  " + std::string(verb) + " "));
}

TEST(Help, OfEveryVerbFitsAScreenAndEndsWithThreeExamples) {
  for (const auto& verb : std::vector<std::vector<std::string>>{{},
                                                                {"run"},
                                                                {"list"},
                                                                {"validate"},
                                                                {"explain"},
                                                                {"repro"},
                                                                {"report"},
                                                                {"diff"},
                                                                {"lab"},
                                                                {"image"},
                                                                {"version"},
                                                                {"man"},
                                                                {"completion"}}) {
    std::vector<std::string> arguments = verb;
    arguments.emplace_back("--help");
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 0);
    const auto lines = lines_of(ended.out);
    EXPECT_LE(lines.size(), 40U) << ended.out;
    for (const std::string& line : lines) EXPECT_LE(line.size(), 120U) << line;
    ASSERT_GE(lines.size(), 4U);
    for (std::size_t i = lines.size() - 3; i < lines.size(); ++i)
      EXPECT_THAT(lines[i], StartsWith("  egressproof ")) << ended.out;
    EXPECT_EQ(lines[lines.size() - 4], "Examples:");
  }
}

TEST(Help, InFullHasWhatFewNeed) {
  const std::string brief = run({"run", "--help"}).out;
  const std::string full = run({"run", "--help-all"}).out;
  for (const char* option : {"--kubeconfig", "--kind-settings", "--in-force-within"}) {
    EXPECT_THAT(brief, Not(HasSubstr(option)));
    EXPECT_THAT(full, HasSubstr(option));
  }
}

TEST(Usage, MistypedWordsGetTheNearestOne) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"rnu"}, "egressproof: no verb 'rnu' (did you mean 'run'?)\n'egressproof --help' shows what there is\n"},
      {{},
       "egressproof: a verb is needed: init, run, list, validate, explain, repro, report, diff, lab, kind, rights, "
       "image, "
       "version, completion, man\n"
       "'egressproof --help' shows what there is\n"},
      {{"run", "--profil", "P1"},
       "egressproof: no option '--profil' (did you mean '--profile'?)\n"
       "'egressproof run --help' shows what there is\n"},
      {{"lab", "upp"},
       "egressproof: no verb 'upp' (did you mean 'up'?)\n'egressproof lab --help' shows what there is\n"},
      {{"version", "now"}, "egressproof: unexpected word 'now'\n'egressproof version --help' shows what there is\n"},
  };
  for (const auto& [arguments, message] : cases) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 2) << message;
    EXPECT_EQ(ended.err, message);
    EXPECT_EQ(ended.out, "");
  }
}

TEST(Usage, MistypedNamesOfTheSuiteGetTheNearestOne) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--case", "basic/alow-http"}, "egressproof: no case 'basic/alow-http' (did you mean 'basic/allow-http'?)\n"},
      {{"--profile", "P33"}, "egressproof: no profile 'P33' (did you mean 'P3'?)\n"},
      {{"--profile", "P3,P33"}, "egressproof: no profile 'P33' (did you mean 'P3'?)\n"},
      {{"--scenario", "basics"}, "egressproof: no scenario 'basics' (did you mean 'basic'?)\n"},
      {{"--tag", "bypas"}, "egressproof: no tag 'bypas' (did you mean 'bypass'?)\n"},
  };
  for (const auto& [selection, message] : cases) {
    std::vector<std::string> arguments = {"run", small_suite, "--backend", "fake"};
    arguments.insert(arguments.end(), selection.begin(), selection.end());
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 2);
    EXPECT_EQ(ended.err, message);
    EXPECT_EQ(ended.out, "");
  }
}

TEST(Version, NamesTheProgramAndTheToolchain) {
  const Ended ended = run({"version"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, StartsWith("egressproof " EGRESSPROOF_VERSION "\ntoolchain "));
  EXPECT_THAT(ended.out, HasSubstr("/egressproof/istio-1."));
  EXPECT_THAT(ended.out, HasSubstr("\nlab: envoy "));
  EXPECT_THAT(ended.out, HasSubstr("\nlab: kernel "));
  EXPECT_EQ(run({"--version"}).out, ended.out);
}

TEST(Validate, CountsWhatIsValid) {
  const Ended ended = run({"validate", small_suite});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "valid: 1 scenario, 5 cases, 5 profiles, 30 cells\n");
}

TEST(Validate, ShowsEachMistakeInItsLine) {
  process::Command made = command({"validate", "broken"});
  made.chdir = EGRESSPROOF_SOURCE_DIR "/tests/cli/data";
  const Ended ended = run(std::move(made));
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err, file("broken.txt"));
}

TEST(Validate, FindsTheSuiteInTheWorkingDirectoryOrBesideTheProgramAndSaysWhich) {
  const Scratch tree;
  std::filesystem::create_directories(tree.path("build/bin"));
  std::filesystem::copy(program, tree.path("build/bin/egressproof"));
  process::Command made = command({"validate"});
  made.argv[0] = tree.path("build/bin/egressproof");
  made.chdir = tree.path("build");
  const Ended none = run(made);
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.err, HasSubstr("no folder 'scenarios' here or beside the program"));
  std::filesystem::copy(small_suite, tree.path("scenarios"), std::filesystem::copy_options::recursive);
  const Ended beside = run(made);
  EXPECT_EQ(beside.code, 0) << beside.err;
  EXPECT_EQ(beside.err, "scenarios: " + tree.path("scenarios") + "\n");
  EXPECT_THAT(beside.out, StartsWith("valid: 1 scenario,"));
  made.argv[0] = program;
  made.chdir = tree.path(".");
  EXPECT_EQ(run(made).err, "scenarios: scenarios\n");
}

TEST(List, IsTheTableOfExpectations) {
  const Ended ended = run({"list", small_suite});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, file("list.txt"));
}

TEST(List, CountsCellsAndBypassAttempts) {
  EXPECT_EQ(run({"list", small_suite, "--count"}).out, file("list-count.txt"));
  const Json counts = Json::parse(run({"list", small_suite, "--count", "--json"}).out);
  EXPECT_EQ(counts["rows"], 6);
  EXPECT_EQ(counts["cells_by_profile"]["P3"], 6);
  EXPECT_EQ(counts["bypass_cells"], 20);
}

TEST(List, AsJsonHasTheSelectionOnly) {
  const Json all = Json::parse(run({"list", small_suite, "--json", "--tag", "bypass", "--profile", "P4"}).out);
  EXPECT_EQ(all["counts"]["cells"], 4);
  const Json& row = all["scenarios"][0]["rows"][3];
  EXPECT_EQ(row["id"], "spoof.sni");
  EXPECT_EQ(row["expect"], Json({{"P4", "L"}}));
}

TEST(Explain, ShowsWireExpectationsAndReasons) {
  process::Command made = command({"explain", "spoof", "small"});
  made.chdir = EGRESSPROOF_SOURCE_DIR "/tests/cli/data";
  const Ended ended = run(std::move(made));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, file("explain.txt"));
}

TEST(Explain, AnUnknownCaseGetsTheNearestOne) {
  const Ended ended = run({"explain", "basic/spof", small_suite});
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "egressproof: no case 'basic/spof' (did you mean 'basic/spoof'?)\n");
}

}  // namespace
}  // namespace egressproof::cli
