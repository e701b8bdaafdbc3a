// The readers of what comes from the network, on random and on damaged bytes: whatever arrives, they end, stay within
// their input and keep their promises. Sanitizer builds make of an overrun a failure.
#include <random>

#include "base/bytes.h"
#include "target/dns.h"
#include "target/http_body.h"
#include "target/packets.h"
#include "tests/unit/target_support.h"

namespace egressproof::target {
namespace {

constexpr int rounds = 20000;

class Random {
 public:
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_); }
  std::string bytes(std::size_t longest) {
    std::string made(below(longest + 1), '\0');
    for (char& c : made) c = static_cast<char>(below(256));
    return made;
  }
  // Some bytes of `good` changed, cut out or doubled.
  std::string damaged(std::string good) {
    for (std::size_t count = below(4); count > 0 && !good.empty(); --count) {
      const std::size_t at = below(good.size());
      const std::size_t kind = below(3);
      if (kind == 0) good[at] = static_cast<char>(below(256));
      if (kind == 1) good.erase(at, below(8));
      if (kind == 2) good.insert(at, good.substr(below(good.size()), below(8)));
    }
    return good;
  }

 private:
  std::mt19937 engine_{20240607};  // the same in each run, so that a failure can be repeated
};

TEST(ParsersTest, HttpHeads) {
  Random random;
  const std::string good =
      "POST http://a.test/redirect/%2f%zz?q HTTP/1.1\r\nHost: a\r\nhost:b\nContent-Length: 12\r\n"
      "Transfer-Encoding: gzip, chunked\r\nExpect: 100-continue\r\n\r\n";
  int complete = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string text = i % 2 == 0 ? random.damaged(good) : random.bytes(200);
    const auto head = read_http_head(text);
    looks_like_http(text);
    find_target_nonce(text);
    redirect_location(text);
    if (!head) continue;
    ++complete;
    ASSERT_LE(head->size, text.size()) << bytes_to_utf8(text);
    ASSERT_EQ(text[head->size - 1], '\n') << bytes_to_utf8(text);
    // More bytes behind a complete head change nothing.
    const auto again = read_http_head(text + "GET");
    ASSERT_TRUE(again && again->size == head->size && again->host == head->host) << bytes_to_utf8(text);
  }
  EXPECT_GT(complete, rounds / 3) << "most of the damaged ones are still heads";
}

TEST(ParsersTest, HttpBodies) {
  Random random;
  const auto head = read_http_head("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_TRUE(head);
  const std::string good = "5;a=b\r\n12345\r\nffffffffffffffff\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1";
  for (const char* size : {"ffffffffffffffff", "fffffffffffffffe", "10000000000000000", "-1", "", "x"}) {
    std::string overflow = std::string(size) + "\r\nabc\r\n0\r\n\r\n";
    EXPECT_EQ(HttpBody(*head).skip(overflow), HttpBody::Progress::broken) << size;
  }
  int broken = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string text =
        i % 2 == 0 ? random.damaged("5;a=b\r\n12345\r\n0\r\nX: y\r\n\r\nrest") : random.damaged(good);
    // In one piece or byte by byte: the same end.
    HttpBody whole(*head);
    std::string rest = text;
    const auto once = whole.skip(rest);
    ASSERT_LE(rest.size(), text.size());
    HttpBody parts(*head);
    std::string input;
    auto bytewise = HttpBody::Progress::more;
    for (const char c : text) {
      input += c;
      if (bytewise == HttpBody::Progress::more) bytewise = parts.skip(input);
    }
    ASSERT_EQ(once, bytewise) << bytes_to_utf8(text);
    ASSERT_TRUE(once == HttpBody::Progress::broken || rest == input) << bytes_to_utf8(text);
    broken += once == HttpBody::Progress::broken ? 1 : 0;
  }
  EXPECT_GT(broken, 100);
  EXPECT_LT(broken, rounds);
}

TEST(ParsersTest, DnsQueries) {
  Random random;
  Config config;
  config.zones = {"test"};
  config.records = {{"*.a.test", "A", {"192.0.2.1"}, 1, true}, {"c.test", "CNAME", {"x.a.test"}}};
  DnsAuthority authority(config);
  const std::string good("\x12\x34\1\0\0\1\0\0\0\0\0\1\1c\4test\0\0\1\0\1\0\0\x29\4\xd0\0\0\0\0\0\0", 35);
  int parsed = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string query = i % 2 == 0 ? random.damaged(good) : random.bytes(80);
    const auto reply = authority.answer(query, i % 3 == 0 ? Transport::tcp : Transport::udp);
    if (!reply) continue;
    parsed += reply->parsed ? 1 : 0;
    ASSERT_GE(reply->wire.size(), 12U);
    ASSERT_EQ(reply->wire.substr(0, 2), query.substr(0, 2)) << "another query's identifier";
    ASSERT_NE(reply->wire[2] & 0x80, 0) << "not a response";
  }
  EXPECT_GT(parsed, rounds / 8);
}

TEST(ParsersTest, Packets) {
  Random random;
  const std::string syn = std::string("\x45\0\0\x28\0\0\x40\0\x40\6\0\0\xc0\0\2\1\xc0\0\2\2", 20) +
                          std::string("\4\xd2\0\x50\0\0\0\1\0\0\0\0\x50\2\xff\xff\0\0\0\0", 20);
  const auto packet = read_packet(syn);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->transport + " " + packet->peer + " " + packet->local, "tcp 192.0.2.1:1234 192.0.2.2:80");
  std::string answer = syn;
  answer[33] = 0x12;
  EXPECT_FALSE(read_packet(answer)) << "SYN and ACK";
  std::string sctp = syn;
  sctp[9] = static_cast<char>(132);
  EXPECT_EQ(read_packet(sctp)->transport, "sctp");
  sctp[9] = 47;
  EXPECT_EQ(read_packet(sctp)->transport + " " + read_packet(sctp)->peer, "protocol-47 192.0.2.1");
  const std::string v6 = std::string("\x60\0\0\0\0\x14\6\x40", 8) + std::string(15, '\0') + "\1" +
                         std::string(15, '\0') + "\2" + syn.substr(20);
  ASSERT_TRUE(read_packet(v6));
  EXPECT_EQ(read_packet(v6)->local, "[::2]:80");
  int read = 0;
  for (int i = 0; i < rounds; ++i)
    read += read_packet(i % 3 == 0 ? random.bytes(80) : random.damaged(i % 3 == 1 ? syn : v6)) ? 1 : 0;
  EXPECT_GT(read, rounds / 10);
}

TEST(ParsersTest, ConfigurationsAndReceipts) {
  Random random;
  Config config;
  config.fixtures = {{"allow", "k", {"192.0.2.1"}, {80}, true, {"allow.test"}, false, {53}, true}};
  config.records = {{"r.test", "A", {"192.0.2.2"}, 5, true}};
  Receipt receipt;
  receipt.host_header = "a\xff";
  int read = 0;
  for (int i = 0; i < rounds / 10; ++i) {
    read += decode_config(random.damaged(encode(config))) ? 1 : 0;
    read += decode_receipt(random.damaged(encode(receipt))) ? 1 : 0;
    decode_journal(random.damaged("{\"type\":\"opened\",\"at_us\":1}\n" + encode(receipt) + "\n" +
                                  "{\"type\":\"trouble\",\"message\":5}\n{\"type\":\"closed\",\"count\":1}\n"));
  }
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace egressproof::target
