#include <gtest/gtest.h>

#include "base/crypto.h"
#include "target/codec.h"
#include "target/http_head.h"

namespace egressproof::target {
namespace {

const std::string nonce = "0123456789abcdef0123456789abcdef";

std::string line(std::uint64_t number) {
  Receipt receipt;
  receipt.number = number;
  receipt.kind = ReceiptKind::request;
  receipt.fixture = "allow";
  receipt.host = "a\xff\n";
  return encode(receipt) + "\n";
}

const std::string opened = "{\"type\":\"opened\",\"at_us\":1}\n";
using Errors = std::vector<std::string>;

TEST(JournalTest, ReadsWhatWasWritten) {
  const Journal journal = decode_journal(opened + line(1) + line(2) + "{\"type\":\"closed\",\"count\":2}\n");
  EXPECT_EQ(journal.errors, Errors{});
  EXPECT_TRUE(journal.closed);
  ASSERT_EQ(journal.receipts.size(), 2U);
  EXPECT_EQ(journal.receipts[1].host, "a\xff\n");
}

TEST(JournalTest, EveryLossIsTold) {
  EXPECT_EQ(decode_journal("").errors, Errors{"receipt journal: it is empty"});
  EXPECT_EQ(decode_journal(opened + line(1) + line(4)).errors,
            Errors{"receipt journal, line 3: receipts 2 to 3 are lost"});
  EXPECT_EQ(decode_journal(opened + line(1) + line(1)).errors,
            Errors{"receipt journal, line 3: receipt 1 came twice or out of order"});
  EXPECT_EQ(decode_journal(line(1)).errors, Errors{"receipt journal, line 1: the opening line is missing"});
  EXPECT_EQ(decode_journal(opened + line(1) + "{\"type\":\"closed\",\"count\":2}\n").errors,
            Errors{"receipt journal, line 3: the closing count does not fit the receipts"});
  EXPECT_EQ(decode_journal(opened + "{\"type\":\"receipt\"}\n").errors,
            Errors{"receipt journal, line 2: malformed: missing key 'number'"});
  EXPECT_EQ(decode_journal(opened + line(1) + line(2).substr(0, 30)).receipts.size(), 1U);
}

TEST(JournalTest, TroubleIsAnError) {
  EXPECT_EQ(decode_journal(opened + "{\"type\":\"trouble\",\"message\":\"a connection was closed unseen\"}\n").errors,
            Errors{"receipt journal, line 2: a connection was closed unseen"});
}

Receipt receipt_of(ReceiptKind kind, std::uint64_t connection, const std::string& own_nonce, const std::string& peer) {
  Receipt receipt;
  receipt.kind = kind;
  receipt.connection = connection;
  receipt.fixture = "allow";
  receipt.nonce = own_nonce;
  receipt.local = "192.0.2.1:80";
  receipt.peer = peer;
  return receipt;
}

TEST(JournalTest, CountsConnectionsWithoutNonce) {
  Journal journal;
  journal.receipts = {
      receipt_of(ReceiptKind::connection, 1, "", "a:1"), receipt_of(ReceiptKind::tls, 1, "", "a:1"),
      receipt_of(ReceiptKind::request, 1, nonce, "a:1"), receipt_of(ReceiptKind::connection, 2, "", "a:2"),
      receipt_of(ReceiptKind::tls, 2, "", "a:2"),        receipt_of(ReceiptKind::connection, 3, "", "a:3"),
      receipt_of(ReceiptKind::dns, 0, nonce, "a:4")};
  EXPECT_EQ(connections_without_nonce(journal), (std::map<std::string, int>{{"allow", 2}}));
  journal.receipts[4].nonce = nonce;
  journal.receipts[5].fixture = "sink";
  EXPECT_EQ(connections_without_nonce(journal), (std::map<std::string, int>{{"sink", 1}}));
}

TEST(JournalTest, FindsPacketsThatNothingAnswered) {
  Journal journal;
  Receipt datagram = receipt_of(ReceiptKind::payload, 0, nonce, "a:3");
  datagram.transport = "udp";
  journal.receipts = {receipt_of(ReceiptKind::packet, 0, "", "a:1"),     receipt_of(ReceiptKind::packet, 0, "", "a:2"),
                      receipt_of(ReceiptKind::packet, 0, "", "a:3"),     receipt_of(ReceiptKind::packet, 0, "", "a:3"),
                      receipt_of(ReceiptKind::connection, 1, "", "a:1"), datagram};
  for (std::size_t i : {0U, 1U, 3U}) journal.receipts[i].transport = "tcp";
  journal.receipts[2].transport = "udp";
  const auto left = unanswered_packets(journal);
  ASSERT_EQ(left.size(), 2U) << "a SYN without connection, and a SYN where only a datagram was answered";
  EXPECT_EQ(left[0].peer, "a:2");
  EXPECT_EQ(left[1].peer + " " + left[1].transport, "a:3 tcp");
}

TEST(JournalTest, AConnectionIsAsOldAsItsSyn) {
  std::vector<Receipt> written = {
      receipt_of(ReceiptKind::packet, 0, "", "a:1"),     receipt_of(ReceiptKind::packet, 0, "", "a:1"),
      receipt_of(ReceiptKind::connection, 1, "", "a:1"), receipt_of(ReceiptKind::tls, 1, "", "a:1"),
      receipt_of(ReceiptKind::connection, 2, "", "a:2"), receipt_of(ReceiptKind::packet, 0, "", "a:1"),
      receipt_of(ReceiptKind::packet, 0, "", "a:2")};
  const std::vector<int> at = {100, 200, 3000, 3100, 3000, 4000, 50};
  std::string content = "{\"type\":\"opened\"}\n";
  for (std::size_t i = 0; i < written.size(); ++i) {
    written[i].number = i + 1;
    written[i].at = std::chrono::microseconds(at[i]);
    if (written[i].kind == ReceiptKind::packet) written[i].transport = i == 6 ? "udp" : "tcp";
    content += encode(written[i]) + "\n";
  }
  const Journal journal = decode_journal(content);
  ASSERT_EQ(journal.receipts.size(), written.size());
  EXPECT_EQ(journal.receipts[2].at.count(), 200) << "the newest before it";
  EXPECT_EQ(journal.receipts[3].at.count(), 3100) << "what was read is as old as it is";
  EXPECT_EQ(journal.receipts[4].at.count(), 3000) << "a datagram opens no connection";
}

TEST(JournalTest, EveryFieldOfAReceiptSurvives) {
  Receipt receipt = receipt_of(ReceiptKind::packet, 0, "", "192.0.2.9:5");
  EXPECT_EQ(encode(receipt).find("host_header"), std::string::npos) << "encoded only if set";
  receipt.host_header = "";
  receipt.transport = "icmp";
  receipt.query_type = "TXT";
  const auto back = decode_receipt(encode(receipt));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode(*back), encode(receipt));
  EXPECT_EQ(back->host_header, "");
  EXPECT_EQ(back->kind, ReceiptKind::packet);
  EXPECT_EQ(back->transport + back->query_type, "icmpTXT");
}

TEST(AnswerTest, MacCoversWhatIsSaid) {
  const std::string key = "secret";
  EXPECT_EQ(encode_answer({"allow", key, {}, {}, false, {}, true}, nonce, 7),
            "egressproof fixture=allow nonce=" + nonce +
                " receipt=7 mac=" + hmac_sha256_hex(key, "fixture=allow nonce=" + nonce + " receipt=7") + "\n");
}

TEST(ConfigTest, RoundTripAndMistake) {
  Config config;
  config.fixtures = {{"allow", "k", {"192.0.2.1"}, {80}, true, {"allow.test"}, false, {53, 443}, true}};
  config.records = {{"r.test", "A", {"192.0.2.2"}, 5, true, {"192.0.2.3"}}, {"t.test", "TXT", {"\xff \""}}};
  config.udp_redirect_port = 15009;
  config.packet_witness = true;
  config.journal = "/j";
  config.ca_file = "/c";
  config.ca_certificate_file = "/ca/tls.crt";
  config.ca_key_file = "/ca/tls.key";
  config.inspection_port = 9901;
  const auto back = decode_config(encode(config));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode(*back), encode(config));
  EXPECT_EQ(back->fixtures[0].udp_ports, (std::vector<std::uint16_t>{53, 443}));
  EXPECT_TRUE(back->fixtures[0].udp_silent);
  EXPECT_TRUE(back->records[0].rotate);
  EXPECT_EQ(back->records[1].values[0], "\xff \"");
  EXPECT_EQ(back->udp_redirect_port, 15009);
  EXPECT_TRUE(back->packet_witness);
  EXPECT_EQ(back->ca_certificate_file, "/ca/tls.crt");
  EXPECT_EQ(back->ca_key_file, "/ca/tls.key");
  EXPECT_EQ(back->inspection_port, 9901);
  EXPECT_EQ(decode_config("{\"journal\":\"/j\",\"ca_fil\":\"/c\"}").error().message, "byte 0: missing key 'ca_file'");
  EXPECT_TRUE(decode_config("{\"journal\":\"/j\",\"ca_certificate_file\":\"/c\",\"ca_key_file\":\"/k\"}"));
  EXPECT_EQ(decode_config("{\"journal\":\"/j\",\"ca_certificate_file\":\"/c\"}").error().message,
            "byte 0: 'ca_certificate_file' and 'ca_key_file' go together");
  EXPECT_FALSE(decode_config("{\"journal\":\"/j\",\"ca_file\":\"/c\",\"inspection_port\":65536}"));
}

TEST(HttpHeadTest, TellsOddRequestsAsTheyArrived) {
  const auto head = read_http_head("GET http://deny.test/r/" + nonce +
                                   " HTTP/1.1\r\nHost: allow.test\r\nHOST: deny.test\r\n\r\nrest");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->host, "allow.test, deny.test");
  EXPECT_EQ(head->target, "http://deny.test/r/" + nonce);
  EXPECT_EQ(head->nonce, nonce);
  EXPECT_TRUE(head->keep_alive);
  const auto old = read_http_head("GET / HTTP/1.0\n\n");
  ASSERT_TRUE(old);
  EXPECT_FALSE(old->keep_alive);
  EXPECT_EQ(old->host, "");
  EXPECT_FALSE(read_http_head("GET / HTTP/1.1\r\nHost: a\r\n"));
  EXPECT_FALSE(looks_like_http("SSH-2.0-x"));
  EXPECT_EQ(find_nonce(nonce + "0"), "");
}

}  // namespace
}  // namespace egressproof::target
