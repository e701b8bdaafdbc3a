#include "runner/backend/cluster/relocation.h"

#include <gtest/gtest.h>

namespace egressproof::backend::cluster {
namespace {

const Relocation relocation({{"198.51.100.1", "10.244.0.7"},
                             {"198.51.100.66", "10.244.0.8"},
                             {"2001:db8::1", "fd00::7"}});

TEST(RelocationTest, WholeAddressesAreTranslatedAndNothingElse) {
  const std::pair<const char*, const char*> cases[] = {
      {"198.51.100.66", "10.244.0.8"},
      {"198.51.100.66:80", "10.244.0.8:80"},
      {"http://198.51.100.66/r", "http://10.244.0.8/r"},
      {"198.51.100.66.", "10.244.0.8."},
      {"addresses: [198.51.100.1, 198.51.100.66]\n", "addresses: [10.244.0.7, 10.244.0.8]\n"},
      {"198.51.100.66/32", "10.244.0.8/32"},
      {"198.51.100.660", "198.51.100.660"},
      {"1198.51.100.66", "1198.51.100.66"},
      {"198.51.100.66.nip.io", "198.51.100.66.nip.io"},
      {"a-198.51.100.66", "a-198.51.100.66"},
      {"198.51.100.10", "198.51.100.10"},
      {"[2001:db8::1]:443", "[fd00::7]:443"},
      {"2001:db8::12", "2001:db8::12"},
      {"::ffff:198.51.100.66", "::ffff:10.244.0.8"},
      {"[::ffff:198.51.100.1]:80", "[::ffff:10.244.0.7]:80"},
      {"", ""},
      {"a:b c", "a:b c"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(relocation.to_cluster(text), expected) << text;
}

TEST(RelocationTest, WhatWasTranslatedComesBack) {
  for (const char* text : {"198.51.100.66:80", "GET http://198.51.100.1/ from 203.0.113.9", "[2001:db8::1]:443", "x"})
    EXPECT_EQ(relocation.to_suite(relocation.to_cluster(text)), text);
}

TEST(RelocationTest, EveryPartOfAnAttemptThatCanHoldAnAddress) {
  probe::Attempt attempt;
  attempt.address = attempt.host = attempt.path = attempt.payload = attempt.server = "198.51.100.66";
  attempt.sni = "198.51.100.66";
  attempt.headers = attempt.fields = {{"x", "198.51.100.66:80"}};
  attempt.earlier = probe::EarlierRequest{"198.51.100.1", "/198.51.100.1"};
  const probe::Attempt sent = relocation.to_cluster(attempt);
  for (const std::string& text : {sent.address, sent.host, sent.path, sent.payload, sent.server, *sent.sni})
    EXPECT_EQ(text, "10.244.0.8");
  EXPECT_EQ(sent.headers.front().second, "10.244.0.8:80");
  EXPECT_EQ(sent.fields.front().second, "10.244.0.8:80");
  EXPECT_EQ(sent.earlier->host, "10.244.0.7");
  EXPECT_EQ(sent.earlier->path, "/10.244.0.7");
}

TEST(RelocationTest, WitnessesSpeakTheSuitesAddresses) {
  probe::Observation seen;
  seen.peer = "10.244.0.8:80";
  seen.local = "10.244.0.99:20000";
  seen.addresses = {"10.244.0.7"};
  seen.dns_answers = {"10.244.0.7"};
  seen = relocation.to_suite(seen);
  EXPECT_EQ(seen.peer, "198.51.100.66:80");
  EXPECT_EQ(seen.local, "10.244.0.99:20000");
  EXPECT_EQ(seen.addresses.front(), "198.51.100.1");
  EXPECT_EQ(seen.dns_answers.front(), "198.51.100.1");

  target::Receipt receipt;
  receipt.local = "10.244.0.8:80";
  receipt.peer = "10.244.0.99:20000";
  receipt.host = "10.244.0.8";
  receipt = relocation.to_suite(receipt);
  EXPECT_EQ(receipt.local, "198.51.100.66:80");
  EXPECT_EQ(receipt.peer, "10.244.0.99:20000");
  EXPECT_EQ(receipt.host, "198.51.100.66");

  policy::MeshRecord record;
  record.destination = "10.244.0.8:80";
  record.upstream = "10.244.0.7:80";
  record.line = "10.244.0.8:80";
  record = relocation.to_suite(record);
  EXPECT_EQ(record.destination, "198.51.100.66:80");
  EXPECT_EQ(record.upstream, "198.51.100.1:80");
  EXPECT_EQ(record.line, "10.244.0.8:80") << "evidence as written";
}

TEST(RelocationTest, FixturesAndRecords) {
  scenario::Suite suite;
  suite.fixtures.emplace_back().addresses = {"198.51.100.66"};
  suite.records.emplace_back().values = {"198.51.100.1", "allow"};
  suite = relocation.to_cluster(suite);
  EXPECT_EQ(suite.fixtures[0].addresses.front(), "10.244.0.8");
  EXPECT_EQ(suite.records[0].values, (std::vector<std::string>{"10.244.0.7", "allow"}));
}

}  // namespace
}  // namespace egressproof::backend::cluster
