// Whatever is in the files, the loader answers with a suite or with located problems: it never throws and never
// crashes. Most worth with AddressSanitizer.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

const std::vector<std::string> names{"fixtures.yaml", "profiles.yaml", "rows/spoof.yaml", "rows/reach.yml",
                                     "policies/entries.yaml"};
// What YAML and the format give a meaning to.
const std::vector<std::string> pieces{
    ":",           ": ",  "- ",   "? ",   "[",       "]",           "{",     "}",
    ",",           "&a ", "*a",   "<<: ", "!",       "!!int ",      "|\n",   ">\n",
    "\"",          "'",   "#",    "\n",   "\n  ",    "\t",          "---\n", "...\n",
    "%YAML 1.2\n", "~",   "null", "yes",  "{nonce}", "{a.address}", "\x80",  std::string(1, '\0')};

std::string mutated(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
    const std::size_t at = below(text.size() + 1);
    switch (below(5)) {
      case 0:
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 1:
        text.erase(at, 1 + below(20));
        break;
      case 2:
        text.insert(at, text.substr(below(text.size() + 1), below(60)));
        break;
      case 3:
        text.resize(at);
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(random());
    }
  }
  return text;
}

TEST(Mutations, NeverThrowAndAlwaysHaveAPlace) {
  const testing::Folder folder;
  folder.copy(testing::data / "valid");
  // Other mutations: --gtest_shuffle --gtest_random_seed=N.
  std::mt19937 random(20U + static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed()));
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    const std::string& name = names[random() % names.size()];
    const std::string text = mutated(testing::content_of(testing::data / "valid" / name), random);
    folder.write(name, text);
    Loaded loaded;
    ASSERT_NO_THROW(loaded = folder.load()) << text;
    for (const Diagnostic& one : loaded.diagnostics) {
      ASSERT_FALSE(one.at.file.empty()) << one.message << "\n" << text;
      ASSERT_FALSE(one.message.empty()) << text;
      std::string message;
      ASSERT_NO_THROW(message = render(one)) << text;
      ASSERT_EQ(message.find('\x1b'), std::string::npos);
    }
    refused += loaded.diagnostics.empty() ? 0 : 1;
    folder.write(name, testing::content_of(testing::data / "valid" / name));
  }
  EXPECT_GT(refused, 500) << "the mutations do something";
  EXPECT_LT(refused, 1500) << "and not always";
}

}  // namespace
}  // namespace egressproof::scenario
