#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/location.h"
#include "base/nearest.h"
#include "base/object_reader.h"

namespace egressproof {
namespace {

TEST(Nearest, FindsSwapsAndRefusesTheFarAway) {
  EXPECT_EQ(nearest("exepct", {"title", "expect"}), "expect");
  EXPECT_EQ(nearest("zzz", {"title", "expect"}), std::nullopt);
}

TEST(Bytes, EveryByteStringSurvives) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string back;
    ASSERT_TRUE(utf8_to_bytes(bytes_to_utf8(bytes), back));
    EXPECT_EQ(back, bytes);
  }
  std::string ignored;
  EXPECT_FALSE(utf8_to_bytes("\xE2\x82\xAC", ignored));  // U+20AC
  EXPECT_FALSE(utf8_to_bytes("\xC3", ignored));
}

TEST(Crypto, KnownAnswers) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, test case 2.
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(random_hex(16).size(), 32U);
  EXPECT_NE(random_hex(16), random_hex(16));
}

TEST(Files, AtomicWriteLeavesOneFile) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("unit-" + random_hex(4));
  std::filesystem::create_directory(folder);
  ASSERT_TRUE(write_file_atomically(folder / "a", "one"));
  ASSERT_TRUE(write_file_atomically(folder / "a", "two"));
  EXPECT_EQ(*read_file(folder / "a"), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_EQ(read_file(folder / "b").error().message,
            "open('" + (folder / "b").string() + "'): No such file or directory");
  std::filesystem::remove_all(folder);
}

TEST(LocationText, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(to_string(Location{"a.yaml", 3, 7}), "a.yaml:3:7");
  EXPECT_EQ(to_string(Location{"a.yaml", 0, 0}), "a.yaml");
}

TEST(ErrorText, ContextFollows) { EXPECT_EQ(to_string(Error{ErrorKind::usage, "m", {"a", "b"}}), "m (a, b)"); }

TEST(ObjectReaderTest, TellsUnknownKeyWithItsPlaceAndTheNearest) {
  const std::string text = R"({"name":"x","prot":1})";
  ObjectReader reader(text);
  std::string name;
  std::uint64_t port = 0;
  reader.text("name", name, true);
  reader.number("port", port, 65535);
  EXPECT_FALSE(reader.finish());
  EXPECT_EQ(reader.problem().message, "unknown key 'prot' (did you mean 'port'?)");
  EXPECT_EQ(reader.problem().column, 13);
}

}  // namespace
}  // namespace egressproof
