#include <gtest/gtest.h>

#include "base/crypto.h"
#include "target/codec.h"
#include "target/dns.h"
#include "target/http_head.h"

#include <ldns/ldns.h>

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

TEST(AnswerTest, MacCoversWhatIsSaid) {
  const std::string key = "secret";
  EXPECT_EQ(encode_answer({"allow", key, {}, {}, false, {}, true}, nonce, 7),
            "egressproof fixture=allow nonce=" + nonce +
                " receipt=7 mac=" + hmac_sha256_hex(key, "fixture=allow nonce=" + nonce + " receipt=7") + "\n");
}

TEST(ConfigTest, RoundTripAndMistake) {
  Config config;
  config.fixtures = {{"allow", "k", {"192.0.2.1"}, {80}, true, {"allow.test"}, false}};
  config.records = {{"r.test", "A", {"192.0.2.2"}, 5}};
  config.journal = "/j";
  config.ca_file = "/c";
  const auto back = decode_config(encode(config));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode(*back), encode(config));
  EXPECT_EQ(decode_config("{\"journal\":\"/j\",\"ca_fil\":\"/c\"}").error().message, "byte 0: missing key 'ca_file'");
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

// "rcode address..." of a query.
std::string ask(const std::string& name, ldns_rr_type type) {
  Config config;
  config.zones = {"test"};
  config.records = {{"a.test", "A", {"192.0.2.1"}, 1},
                    {"*.wild.test", "A", {"192.0.2.2"}, 1},
                    {"b.wild.test", "A", {"192.0.2.3"}, 1}};
  ldns_pkt* query = ldns_pkt_query_new(ldns_dname_new_frm_str(name.c_str()), type, LDNS_RR_CLASS_IN, LDNS_RD);
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  ldns_pkt2wire(&wire, query, &size);
  ldns_pkt_free(query);
  const auto reply = answer_dns(config, wire, size);
  free(wire);
  if (!reply) return "none";
  ldns_pkt* parsed = nullptr;
  if (ldns_wire2pkt(&parsed, reply->wire.data(), reply->wire.size()) != LDNS_STATUS_OK) return "malformed";
  std::string text = std::to_string(ldns_pkt_get_rcode(parsed));
  for (std::size_t i = 0; i < ldns_pkt_ancount(parsed); ++i) {
    char* address = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(parsed), i), 0));
    text += std::string(" ") + address;
    free(address);
  }
  ldns_pkt_free(parsed);
  return text;
}

TEST(DnsTest, AnswersWithAuthorityAndNothingElse) {
  EXPECT_EQ(ask("a.test", LDNS_RR_TYPE_A), "0 192.0.2.1");
  EXPECT_EQ(ask("A.TEST", LDNS_RR_TYPE_A), "0 192.0.2.1");
  EXPECT_EQ(ask("a.test", LDNS_RR_TYPE_AAAA), "0");
  EXPECT_EQ(ask("missing.test", LDNS_RR_TYPE_A), "3");
  EXPECT_EQ(ask("x.y.wild.test", LDNS_RR_TYPE_A), "0 192.0.2.2");
  EXPECT_EQ(ask("b.wild.test", LDNS_RR_TYPE_A), "0 192.0.2.3");
  EXPECT_EQ(ask("wild.test", LDNS_RR_TYPE_A), "3");
  EXPECT_EQ(ask("example.org", LDNS_RR_TYPE_A), "5");
  EXPECT_FALSE(answer_dns({}, reinterpret_cast<const unsigned char*>("xx"), 2));
}

}  // namespace
}  // namespace egressproof::target
