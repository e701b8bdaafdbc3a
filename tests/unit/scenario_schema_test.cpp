// scenarios/schema.json agrees with the loader wherever a schema can tell.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <set>
#include <vector>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

namespace fs = std::filesystem;

// What the validator prints; its exit status goes to `status`.
std::string validate(const std::vector<std::string>& files, int& status) {
  std::vector<std::string> words{"python3", EGRESSPROOF_SOURCE_DIR "/tests/unit/scenario_schema_test.py",
                                 EGRESSPROOF_SOURCE_DIR "/scenarios/schema.json"};
  words.insert(words.end(), files.begin(), files.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string output;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
    output.append(buffer.data(), static_cast<std::size_t>(got));
  ::close(ends[0]);
  ::waitpid(child, &status, 0);
  return output;
}

std::vector<std::string> suite_files(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const bool policy = entry.path().parent_path().filename() == "policies";
    const std::string extension = entry.path().extension().string();
    if (!policy && (extension == ".yaml" || extension == ".yml")) files.push_back(entry.path().string());
  }
  return files;
}

TEST(Schema, AcceptsWhatTheLoaderAccepts) {
  std::vector<std::string> files = suite_files(testing::data / "valid");
  for (const std::string& file : suite_files(EGRESSPROOF_SOURCE_DIR "/scenarios")) files.push_back(file);
  ASSERT_GE(files.size(), 8U);
  std::string expected;
  for (const std::string& file : files) expected += "valid " + file + "\n";
  int status = 0;
  EXPECT_EQ(validate(files, status), expected);
  EXPECT_EQ(status, 0);
}

TEST(Schema, RefusesWhatItCanTell) {
  const std::vector<std::pair<std::string, std::string>> mistakes{
      {"unknown-key", "rows/spoof.yaml"},
      {"unknown-key-in-case", "rows/spoof.yaml"},
      {"unknown-key-in-attempt", "rows/spoof.yaml"},
      {"unknown-key-in-fixture", "fixtures.yaml"},
      {"unknown-key-in-profile", "profiles.yaml"},
      {"boolean-where-text-is-meant", "rows/spoof.yaml"},
      {"octal-where-text-is-meant", "rows/spoof.yaml"},
      {"text-where-a-number-is-meant", "rows/spoof.yaml"},
      {"text-where-a-list-is-meant", "rows/spoof.yaml"},
      {"list-where-a-map-is-meant", "rows/spoof.yaml"},
      {"map-where-text-is-meant", "rows/spoof.yaml"},
      {"document-is-no-map", "rows/reach.yml"},
      {"empty-text", "rows/spoof.yaml"},
      {"missing-key", "rows/spoof.yaml"},
      {"missing-kind", "rows/reach.yml"},
      {"unknown-kind", "rows/reach.yml"},
      {"wrong-api-version", "fixtures.yaml"},
      {"address-is-a-name", "fixtures.yaml"},
      {"port-out-of-range", "fixtures.yaml"},
      {"port-zero", "fixtures.yaml"},
      {"fixture-without-ports", "fixtures.yaml"},
      {"relay-with-every-port", "fixtures.yaml"},
      {"record-type", "fixtures.yaml"},
      {"vantage-in-the-mesh", "profiles.yaml"},
      {"unknown-mesh", "profiles.yaml"},
      {"label-of-knative", "profiles.yaml"},
      {"network-policy-overridden", "profiles.yaml"},
      {"pod-label-of-knative", "rows/spoof.yaml"},
      {"ticks-cut-from-nowhere", "rows/spoof.yaml"},
      {"column-twice", "rows/reach.yml"},
      {"unknown-cell", "rows/spoof.yaml"},
      {"dash-as-cell", "rows/spoof.yaml"},
      {"scenario-without-cases", "rows/reach.yml"},
      {"cases-without-expect", "rows/reach.yml"},
      {"variant-name", "rows/spoof.yaml"},
      {"unknown-protocol", "rows/spoof.yaml"},
      {"header-is-no-pair", "rows/spoof.yaml"},
      {"duration-without-unit", "rows/spoof.yaml"},
      {"query-type", "rows/spoof.yaml"},
      {"unknown-need", "rows/spoof.yaml"},
      {"reach-without-port", "rows/reach.yml"},
      {"reach-protocol", "rows/reach.yml"},
  };
  std::vector<std::unique_ptr<testing::Folder>> folders;
  std::vector<std::string> files;
  std::string expected;
  for (const auto& [name, file] : mistakes) {
    folders.push_back(std::make_unique<testing::Folder>());
    testing::make_mistake(*folders.back(), testing::data / "invalid" / (name + ".txt"));
    ASSERT_FALSE(HasFatalFailure());
    files.push_back((folders.back()->path() / file).string());
    expected += "invalid " + files.back() + "\n";
  }
  int status = 0;
  EXPECT_EQ(validate(files, status), expected);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace egressproof::scenario
