#include "runner/scenario/scalars.h"

#include <gtest/gtest.h>

#include "runner/scenario/names.h"
#include "runner/scenario/text_bytes.h"
#include "runner/scenario/yaml_tree.h"

namespace egressproof::scenario {
namespace {

TEST(Scalars, OtherMeanings) {
  for (const char* text : {"yes", "No", "ON", "off", "y", "true", "False"}) EXPECT_EQ(other_meaning(text), "a boolean");
  for (const char* text : {"0", "-1", "0755", "0o17", "0x1F", "1e3", "1.10", ".5", "1_000", "12:30", "1:2:3", ".inf",
                           "-.INF", ".nan", "+4", "0b11"})
    EXPECT_EQ(other_meaning(text), "a number") << text;
  EXPECT_EQ(other_meaning("2024-01-02"), "a date");
  for (const char* text : {"", ".", "192.0.2.1", "sink:80", "P0", "500ms", "A~", "http/1.1", "-", "yes please", "1.2.3",
                           "2001:db8::1", "not", "0x"})
    EXPECT_EQ(other_meaning(text), "") << text;
}

TEST(Scalars, Durations) {
  EXPECT_EQ(parse_duration("500ms"), std::chrono::milliseconds(500));
  EXPECT_EQ(parse_duration("2s"), std::chrono::milliseconds(2000));
  EXPECT_EQ(parse_duration("600s"), std::chrono::milliseconds(600000));
  for (const char* text : {"", "s", "ms", "2", "-2s", "0s", "0ms", "601s", "600001ms", "1.5s", "2 s", "2m", "02s",
                           "99999999999999999999s"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Scalars, Addresses) {
  EXPECT_EQ(canonical_address("2001:DB8:0::1"), "2001:db8::1");
  EXPECT_EQ(canonical_address("192.0.2.1"), "192.0.2.1");
  for (const char* text : {"", "localhost", "192.0.2", "192.0.2.1/32", "[::1]", "192.0.2.256", "fe80::1%eth0"})
    EXPECT_FALSE(canonical_address(text)) << text;
  EXPECT_TRUE(is_harness_address("192.0.2.240"));
  EXPECT_TRUE(is_harness_address("192.0.2.255"));
  EXPECT_FALSE(is_harness_address("192.0.2.239"));
  EXPECT_FALSE(is_harness_address("192.0.3.240"));
  EXPECT_FALSE(is_harness_address("::1"));
}

TEST(Scalars, HostAndPort) {
  EXPECT_EQ(parse_host_port("sink:80")->port, 80);
  EXPECT_EQ(parse_host_port("[2001:db8::1]:443")->host, "2001:db8::1");
  EXPECT_EQ(parse_host_port("a.test:65535")->host, "a.test");
  for (const char* text : {"", ":", ":80", "sink", "sink:", "sink:0", "sink:65536", "sink:080", "sink:+1", "::1:80",
                           "[::1]", "[]:80", "[a]:80", "[::1:80", "sink:80 "})
    EXPECT_FALSE(parse_host_port(text)) << text;
}

TEST(Scalars, Names) {
  EXPECT_TRUE(is_dns_name("a.b_c-d.Test.", false));
  EXPECT_TRUE(is_dns_name("*.wild.test", true));
  EXPECT_TRUE(is_dns_name(std::string(63, 'a') + ".test", false));
  for (const std::string& text :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a b"), std::string("*.a"),
        std::string("a:80"), std::string(64, 'a') + ".test", std::string("a\0b", 3)})
    EXPECT_FALSE(is_dns_name(text, false)) << text;
  EXPECT_FALSE(is_dns_name("a.*.test", true));
  EXPECT_TRUE(is_dns_label("tenant-p0"));
  for (const char* text : {"", "-a", "a-", "A", "a.b", "a_b"}) EXPECT_FALSE(is_dns_label(text)) << text;
  EXPECT_EQ(folded_name("ALLOW.Test."), "allow.test");
}

TEST(Names, Placeholders) {
  const auto found = placeholders("{a}{nonce}x{b-1.address}{ }{A}{\"json\": {c}}{unclosed");
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].name, "a");
  EXPECT_EQ(found[1].name, "nonce");
  EXPECT_EQ(found[2].name, "b-1");
  EXPECT_TRUE(found[2].address);
  EXPECT_EQ(found[3].name, "c") << "a brace around other text is text";
}

TEST(Names, WildcardsAndZones) {
  Suite suite;
  suite.zones = {"test"};
  Fixture fixture;
  fixture.name = "wild-a";
  fixture.names = {"a.wild.test"};
  suite.fixtures = {fixture};
  suite.records = {{"*.wild.test", "A", {"wild-a"}, 1, {}, {}}, {"*.b.wild.test", "A", {"192.0.2.1"}, 1, {}, {}}};
  EXPECT_EQ(look_up(suite, "A.wild.TEST."), Lookup::found);
  EXPECT_EQ(look_up(suite, "x.y.wild.test"), Lookup::found);
  EXPECT_EQ(look_up(suite, "wild.test"), Lookup::no_record) << "a wildcard needs a label before it";
  EXPECT_EQ(look_up(suite, "evilwild.test"), Lookup::no_record);
  EXPECT_EQ(look_up(suite, "contest"), Lookup::no_zone);
  EXPECT_EQ(owner_of(suite, "z.wild.test")->name, "wild-a");
  EXPECT_EQ(owner_of(suite, "z.b.wild.test"), nullptr) << "the longest wildcard answers";
}

TEST(Names, AProfilesOwnRoleAndVipComeFirst) {
  Suite suite;
  for (const char* name : {"allow", "wild"}) {
    suite.fixtures.emplace_back();
    suite.fixtures.back().name = name;
    suite.fixtures.back().addresses = {std::string(name) + "-address"};
  }
  suite.roles["allowed"] = {"allow.test", "allow"};
  Profile plain;
  Profile own;
  own.roles["allowed"] = {"a.wild.test", "wild"};
  own.dialled["allow"] = "vip";
  const std::string text = "{allowed} {allowed.address} {allow.address} {other} {nonce.address}";
  EXPECT_EQ(expand(suite, plain, text), "allow.test allow-address allow-address {other} {nonce.address}");
  EXPECT_EQ(expand(suite, own, text), "a.wild.test wild-address vip {other} {nonce.address}");
}

TEST(TextBytes, Characters) {
  EXPECT_EQ(count_characters("k\xC3\xA4se"), 4U);
  EXPECT_EQ(find_bad_byte("k\xC3\xA4se\t\r\n\xF0\x9F\x98\x80"), std::nullopt);
  EXPECT_EQ(find_bad_byte(std::string("ab\0", 3)), 2U);
  EXPECT_EQ(find_bad_byte("ab\x7F"), 2U);
  for (const char* bad :
       {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xF0\x80\x80\x80"})
    EXPECT_EQ(find_bad_byte(bad), 0U);
  EXPECT_EQ(printable("a\x1b\n\xFF\xC3\xA4\t"), "a???\xC3\xA4\t");
}

TEST(YamlTree, PlacesCountCharactersAndDocumentsKnowTheirText) {
  const ParsedYaml parsed = parse_yaml("f", "# c\n---\nk\xC3\xA4se: {b: [x]}\n--- # two\n'y'\n");
  ASSERT_TRUE(parsed.problems.empty());
  ASSERT_EQ(parsed.documents.size(), 2U);
  const Node& value = parsed.documents[0].root.entries.at(0).value;
  EXPECT_EQ(to_string(value.at), "f:3:7");
  EXPECT_EQ(to_string(find(value, "b")->items.at(0).at), "f:3:12");
  const auto text_of = [&](const Document& one) { return parsed.text.substr(one.begin, one.end - one.begin); };
  EXPECT_EQ(text_of(parsed.documents[0]), "k\xC3\xA4se: {b: [x]}\n");
  EXPECT_EQ(text_of(parsed.documents[1]), "--- # two\n'y'\n") << "a line with more than the marker stays";
  EXPECT_FALSE(parsed.documents[1].root.plain);
}

TEST(YamlTree, AliasesThatGrowExponentiallyAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) text += ", " + before;
    text += "]\n";
  }
  const ParsedYaml parsed = parse_yaml("f", text);
  ASSERT_EQ(parsed.problems.size(), 1U);
  EXPECT_EQ(parsed.problems[0].message, "more than 200000 nodes, aliases counted in full");
}

TEST(YamlTree, DeepNestingIsAProblemNotACrash) {
  for (const char* bracket : {"[", "{", "- ", "? "}) {
    std::string text;
    for (int i = 0; i < 20000; ++i) text += bracket;
    EXPECT_FALSE(parse_yaml("f", text).problems.empty()) << bracket;
  }
}

}  // namespace
}  // namespace egressproof::scenario
