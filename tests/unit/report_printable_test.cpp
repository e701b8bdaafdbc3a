#include "runner/report/printable.h"

#include <gtest/gtest.h>

#include "tests/unit/report_support.h"

namespace egressproof::report {
namespace {

TEST(Printable, ValidUtf8) {
  EXPECT_EQ(valid_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  for (const std::string broken :
       {"\x80", "\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    std::string expected;
    for (std::size_t i = 0; i < broken.size(); ++i) expected += "\xef\xbf\xbd";
    EXPECT_EQ(valid_utf8(broken), expected);
  }
}

TEST(Printable, ControlsAreEscaped) {
  EXPECT_EQ(printable("a\tb\x1b\x7f\xc2\x85\xff\xe2\x80\xae"), "a\\x09b\\x1b\\x7f\\x85\\xff\\u{202e}");
  EXPECT_EQ(printable_bytes("a\xc3\xa9\n"), "a\\xc3\\xa9\\x0a");
}

TEST(Printable, Elided) {
  EXPECT_EQ(elided("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(elided("abcdefghijk", 10), "abcd..hijk");
  EXPECT_EQ(elided("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 6),
            "\xc3\xa9\xc3\xa9..\xc3\xa9\xc3\xa9");
  EXPECT_EQ(columns(elided("abcdefghijk", 7)), 7U);
}

TEST(Printable, Wrapped) {
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("one\n two  averylongword", 5), (std::vector<std::string>{"one", "two", "averylongword"}));
  EXPECT_TRUE(wrapped(" \n", 10).empty());
}

TEST(Printable, AShellReadsBackWhatWasQuoted) {
  const std::vector<std::string> words = {"",
                                          "plain-1.0/x",
                                          "*",
                                          "a b",
                                          "it's",
                                          "$HOME `id` \"x\" \\",
                                          "\x01'\\",
                                          "\x01"
                                          "7",
                                          "\x80\xff"
                                          "7",
                                          "new\nline",
                                          "\xc3\xa9",
                                          "{nonce}",
                                          "-A",
                                          "~",
                                          "#x",
                                          "a!b"};
  std::string command = "printf '%s|'";
  std::string expected;
  for (const auto& word : words) {
    command += " " + shell_quoted(word);
    expected += word + "|";
  }
  const auto ran = sample::run({"bash", "-c", command});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, expected);
}

}  // namespace
}  // namespace egressproof::report
