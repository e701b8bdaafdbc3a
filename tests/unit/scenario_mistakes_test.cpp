// Each file of data/scenario/invalid is one mistake and its messages, complete (format: scenario_support.h).
// With EGRESSPROOF_REWRITE_EXPECTED set the messages are written anew: for review.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> mistakes() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(testing::data / "invalid")) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class Mistake : public ::testing::TestWithParam<fs::path> {};

TEST_P(Mistake, HasItsMessage) {
  const std::string content = testing::content_of(GetParam());
  const std::size_t at = content.find(testing::divider);
  ASSERT_NE(at, std::string::npos);
  const testing::Folder folder;
  testing::make_mistake(folder, GetParam());
  if (HasFatalFailure()) return;
  const std::string messages = folder.messages(folder.load());
  if (std::getenv("EGRESSPROOF_REWRITE_EXPECTED") != nullptr)
    std::ofstream(GetParam()) << content.substr(0, at) << testing::divider << messages;
  EXPECT_NE(messages, "") << "accepted";
  EXPECT_EQ(messages, content.substr(at + testing::divider.size()));
}

INSTANTIATE_TEST_SUITE_P(All, Mistake, ::testing::ValuesIn(mistakes()), [](const auto& one) {
  std::string name = one.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Mistakes, AreMany) { EXPECT_GE(mistakes().size(), 45U); }

TEST(Mistakes, TheUneditedSuiteHasNone) {
  const testing::Folder folder;
  folder.copy(testing::data / "valid");
  EXPECT_EQ(folder.messages(folder.load()), "");
}

TEST(Mistakes, PathsThatHoldNothingAreTold) {
  const testing::Folder folder;
  EXPECT_EQ(folder.messages(folder.load()), ".: error: no *.yaml or *.yml file in this folder\n");
  EXPECT_EQ(folder.messages(load({(folder.path() / "gone").string()})),
            "gone: error: cannot be read: No such file or directory\n");
  EXPECT_EQ(render(load({"/dev/null"}).diagnostics.at(0)),
            "/dev/null: error: cannot be read: not a regular file or folder\n");
  folder.write("empty.yaml", "# nothing\n");
  EXPECT_EQ(folder.messages(folder.load()),
            ".: error: no document of kind Fixtures\n.: error: no document of kind Profiles\n"
            ".: error: no document of kind Scenario\nempty.yaml: error: holds no document\n");
  EXPECT_FALSE(load({}).diagnostics.empty());
}

TEST(Mistakes, AFileReachedTwiceIsReadOnce) {
  const testing::Folder folder;
  folder.copy(testing::data / "valid");
  const Loaded loaded = load({folder.path().string(), (folder.path() / "fixtures.yaml").string()});
  EXPECT_EQ(folder.messages(loaded), "");
}

}  // namespace
}  // namespace egressproof::scenario
