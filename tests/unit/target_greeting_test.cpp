// Fixtures that speak first.
#include "tests/unit/target_support.h"

namespace egressproof::target {
namespace {

Config greeter(const std::string& address) {
  Config config = one_fixture(address);
  config.fixtures[0].speaks_first = true;
  return config;
}

TEST(GreetingTest, IsAnAnswerWithAReceiptBeforeAnythingIsRead) {
  const std::string host = loopback(1);
  Running running(greeter(host));
  Client client(host);
  const std::string line = client.read_until("\n");
  const auto greetings = running.receipts(ReceiptKind::greeting);
  ASSERT_EQ(greetings.size(), 1U);
  EXPECT_EQ(line, encode_answer(running.config().fixtures[0], "", greetings[0].number));
  EXPECT_EQ(greetings[0].nonce, "");
  EXPECT_EQ(greetings[0].connection, running.awaited(ReceiptKind::connection).connection);
  const auto back = decode_receipt(encode(greetings[0]));
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->kind, ReceiptKind::greeting);
}

TEST(GreetingTest, WhatTheClientSaysThenIsAnsweredToo) {
  const std::string host = loopback(1);
  Running running(greeter(host));
  const std::string nonce = fresh_nonce();
  Client client(host);
  client.read_until("\n");
  ASSERT_TRUE(client.send("ehlo " + nonce + "\r\n"));
  EXPECT_NE(client.read_until("mac=").find("nonce=" + nonce), std::string::npos);
  EXPECT_EQ(running.awaited(ReceiptKind::payload).nonce, nonce);
}

TEST(GreetingTest, OthersWaitForTheirClient) {
  const std::string host = loopback(1);
  Running running(one_fixture(host));
  const std::string nonce = fresh_nonce();
  Client client(host);
  EXPECT_EQ(running.awaited(ReceiptKind::connection).nonce, "");
  ASSERT_TRUE(client.send("ehlo " + nonce + "\r\n"));
  EXPECT_NE(client.read_until("mac=").find("nonce=" + nonce), std::string::npos) << "the first that it says";
  EXPECT_TRUE(running.receipts(ReceiptKind::greeting).empty());
}

TEST(GreetingTest, TheConfigurationSaysWhoDoes) {
  Config config = greeter("127.0.0.1");
  config.journal = "receipts.ndjson";
  const auto back = decode_config(encode(config));
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_TRUE(back->fixtures[0].speaks_first);
}

}  // namespace
}  // namespace egressproof::target
