#include "target/dns.h"

#include "tests/unit/target_support.h"

// Last: it defines true and false as macros.
#include <ldns/ldns.h>

namespace egressproof::target {
namespace {

using PacketPtr = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

Config zones() {
  Config config;
  config.zones = {"test"};
  config.records = {{"a.test", "A", {"192.0.2.1"}, 7},
                    {"A.Case.test", "A", {"192.0.2.9"}},
                    {"*.wild.test", "A", {"192.0.2.2"}},
                    {"b.wild.test", "A", {"192.0.2.3"}},
                    {"*.deep.wild.test", "A", {"192.0.2.4"}},
                    {"six.test", "AAAA", {"2001:db8::1", "2001:db8::2"}},
                    {"text.test", "TXT", {"say \"hi\"; \\", std::string(300, 'x')}},
                    {"alias.test", "CNAME", {"a.test"}},
                    {"broken.test", "CNAME", {"missing.test"}},
                    {"outside.test", "CNAME", {"example.org"}},
                    {"loop.test", "CNAME", {"loop.test"}},
                    {"moving.test", "A", {"192.0.2.7"}, 1, false, {"192.0.2.8"}},
                    {"*.rebind.test", "A", {"192.0.2.5", "127.0.0.1", "169.254.169.254"}, 0, true}};
  return config;
}

std::string query_wire(const std::string& name, ldns_rr_type type, const std::function<void(ldns_pkt*)>& change) {
  const PacketPtr query(ldns_pkt_query_new(ldns_dname_new_frm_str(name.c_str()), type, LDNS_RR_CLASS_IN, LDNS_RD),
                        ldns_pkt_free);
  ldns_pkt_set_id(query.get(), 4711);
  if (change) change(query.get());
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  ldns_pkt2wire(&wire, query.get(), &size);
  const std::string bytes(reinterpret_cast<const char*>(wire), size);
  free(wire);
  return bytes;
}

PacketPtr parse(const std::string& wire) {
  ldns_pkt* parsed = nullptr;
  ldns_wire2pkt(&parsed, reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size());
  return {parsed, ldns_pkt_free};
}

// "rcode first-rdata..." of the answer section; "+soa" if there is one in the authority section.
std::string say(const ldns_pkt* reply) {
  if (reply == nullptr) return "malformed";
  std::string text = std::to_string(ldns_pkt_get_rcode(reply));
  for (std::size_t i = 0; i < ldns_pkt_ancount(reply); ++i) {
    char* first = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(reply), i), 0));
    text += std::string(" ") + first;
    free(first);
  }
  return text + (ldns_pkt_nscount(reply) > 0 ? " +soa" : "");
}

class DnsTest : public testing::Test {
 protected:
  PacketPtr exchange(const std::string& name, ldns_rr_type type, Transport transport = Transport::udp,
                     const std::function<void(ldns_pkt*)>& change = {}) {
    const auto reply = authority_.answer(query_wire(name, type, change), transport);
    return reply ? parse(reply->wire) : PacketPtr(nullptr, ldns_pkt_free);
  }
  std::string ask(const std::string& name, ldns_rr_type type = LDNS_RR_TYPE_A) {
    return say(exchange(name, type).get());
  }
  Config config_ = zones();
  DnsAuthority authority_{config_};
};

TEST_F(DnsTest, AnswersWithAuthorityAndNothingElse) {
  EXPECT_EQ(ask("a.test"), "0 192.0.2.1");
  EXPECT_EQ(ask("A.TEST"), "0 192.0.2.1");
  EXPECT_EQ(ask("a.case.test"), "0 192.0.2.9");
  EXPECT_EQ(ask("x.y.wild.test"), "0 192.0.2.2");
  EXPECT_EQ(ask("b.wild.test"), "0 192.0.2.3");
  EXPECT_EQ(ask("x.deep.wild.test"), "0 192.0.2.4");
  EXPECT_EQ(ask("six.test", LDNS_RR_TYPE_AAAA), "0 2001:db8::1 2001:db8::2");
  EXPECT_EQ(ask("example.org"), "5");
  EXPECT_EQ(ask("a.test", LDNS_RR_TYPE_AXFR), "5");
  EXPECT_EQ(ask("a.test", LDNS_RR_TYPE_ANY), "0 192.0.2.1");
  const PacketPtr reply = exchange("a.test", LDNS_RR_TYPE_A);
  EXPECT_EQ(ldns_pkt_id(reply.get()), 4711);
  EXPECT_TRUE(ldns_pkt_aa(reply.get()));
  EXPECT_FALSE(ldns_pkt_ra(reply.get()));
  EXPECT_EQ(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(reply.get()), 0)), 7U);
}

TEST_F(DnsTest, TellsAMissingNameFromAMissingType) {
  EXPECT_EQ(ask("missing.test"), "3 +soa");
  EXPECT_EQ(ask("a.test", LDNS_RR_TYPE_AAAA), "0 +soa");
  EXPECT_EQ(ask("six.test"), "0 +soa");
  EXPECT_EQ(ask("x.wild.test", LDNS_RR_TYPE_AAAA), "0 +soa");
  EXPECT_EQ(ask("wild.test"), "0 +soa") << "names exist below it";
  EXPECT_EQ(ask("test"), "0 +soa");
  EXPECT_EQ(ask("test", LDNS_RR_TYPE_SOA), "0 ns.test.");
}

TEST_F(DnsTest, HoldsTextsAndFollowsAliases) {
  EXPECT_EQ(ask("text.test", LDNS_RR_TYPE_TXT), "0 \"say \\\"hi\\\"; \\\\\" \"" + std::string(255, 'x') + "\"");
  const PacketPtr texts = exchange("text.test", LDNS_RR_TYPE_TXT);
  EXPECT_EQ(ldns_rr_rd_count(ldns_rr_list_rr(ldns_pkt_answer(texts.get()), 1)), 2U) << "300 bytes are two strings";
  EXPECT_EQ(ask("alias.test"), "0 a.test. 192.0.2.1");
  EXPECT_EQ(ask("alias.test", LDNS_RR_TYPE_CNAME), "0 a.test.");
  EXPECT_EQ(ask("alias.test", LDNS_RR_TYPE_AAAA), "0 a.test. +soa");
  EXPECT_EQ(ask("broken.test"), "3 missing.test. +soa");
  EXPECT_EQ(ask("outside.test"), "0 example.org.");
  EXPECT_EQ(ask("loop.test").rfind("0 loop.test.", 0), 0U);
}

TEST_F(DnsTest, RebindsInTurnForEachName) {
  EXPECT_EQ(ask("r.rebind.test"), "0 192.0.2.5");
  EXPECT_EQ(ask("r.rebind.test"), "0 127.0.0.1");
  EXPECT_EQ(ask("s.rebind.test"), "0 192.0.2.5");
  EXPECT_EQ(ask("R.Rebind.test"), "0 169.254.169.254");
  EXPECT_EQ(ask("r.rebind.test"), "0 192.0.2.5");
}

TEST_F(DnsTest, MovesTheRecordsThatMove) {
  EXPECT_EQ(ask("moving.test"), "0 192.0.2.7");
  EXPECT_EQ(ask("moving.test"), "0 192.0.2.7");
  authority_.move_records();
  EXPECT_EQ(ask("moving.test"), "0 192.0.2.8");
  EXPECT_EQ(ask("a.test"), "0 192.0.2.1") << "it stays";
  EXPECT_EQ(ask("r.rebind.test"), "0 192.0.2.5") << "it still rotates";
}

TEST_F(DnsTest, TakesEdnsAndCutsWhatDoesNotFit) {
  for (int i = 0; i < 40; ++i) config_.records.push_back({"many.test", "A", {"192.0.2." + std::to_string(i)}});
  const auto with_edns = [](std::uint16_t size, std::uint8_t version = 0) {
    return [=](ldns_pkt* query) {
      ldns_pkt_set_edns_udp_size(query, size);
      ldns_pkt_set_edns_version(query, version);
    };
  };
  PacketPtr reply = exchange("many.test", LDNS_RR_TYPE_A);
  EXPECT_TRUE(ldns_pkt_tc(reply.get()));
  EXPECT_EQ(ldns_pkt_ancount(reply.get()), 0U);
  EXPECT_FALSE(ldns_pkt_edns(reply.get())) << "none was offered";
  reply = exchange("many.test", LDNS_RR_TYPE_A, Transport::tcp);
  EXPECT_FALSE(ldns_pkt_tc(reply.get()));
  EXPECT_EQ(ldns_pkt_ancount(reply.get()), 40U);
  reply = exchange("many.test", LDNS_RR_TYPE_A, Transport::udp, with_edns(1232));
  EXPECT_EQ(ldns_pkt_ancount(reply.get()), 40U);
  EXPECT_TRUE(ldns_pkt_edns(reply.get()));
  reply = exchange("many.test", LDNS_RR_TYPE_A, Transport::udp, with_edns(100));
  EXPECT_TRUE(ldns_pkt_tc(reply.get())) << "sizes below 512 mean 512";
  reply = exchange("a.test", LDNS_RR_TYPE_A, Transport::udp, with_edns(1232, 1));
  EXPECT_EQ(ldns_pkt_edns_extended_rcode(reply.get()), 1U) << "BADVERS";
  EXPECT_EQ(ldns_pkt_ancount(reply.get()), 0U);
}

TEST_F(DnsTest, RefusesWhatIsNoQuery) {
  const auto rcode = [&](const std::string& wire) {
    const auto reply = authority_.answer(wire, Transport::udp);
    return reply ? say(parse(reply->wire).get()) + (reply->parsed ? "" : " unparsed") : "none";
  };
  const std::string good = query_wire("a.test", LDNS_RR_TYPE_A, {});
  EXPECT_EQ(rcode("xx"), "none");
  EXPECT_EQ(rcode(good.substr(0, good.size() - 1)), "1 unparsed");
  EXPECT_EQ(rcode(good.substr(0, 5) + std::string(1, '\0') + good.substr(6, 6)), "1 unparsed") << "no question";
  EXPECT_EQ(rcode(query_wire("a.test", LDNS_RR_TYPE_A, [](ldns_pkt* query) { ldns_pkt_set_qr(query, true); })), "none");
  EXPECT_EQ(rcode(query_wire("a.test", LDNS_RR_TYPE_A,
                             [](ldns_pkt* query) { ldns_pkt_set_opcode(query, LDNS_PACKET_NOTIFY); })),
            "4");
}

TEST_F(DnsTest, RecordsThatCannotBeServedAreRefusedAtOnce) {
  EXPECT_TRUE(check_records(config_));
  const auto refused = [&](const Record& record) {
    Config config = zones();
    config.records = {record};
    const auto checked = check_records(config);
    return checked ? "" : checked.error().message;
  };
  EXPECT_EQ(refused({"a.test", "A", {"2001:db8::1"}}), "DNS record 'a.test' A: malformed value '2001:db8::1'");
  EXPECT_EQ(refused({"a.test", "AA", {}}), "DNS record 'a.test' AA: unknown type");
  EXPECT_EQ(refused({"a.org", "A", {}}), "DNS record 'a.org' A: in none of the served zones");
}

// With a real resolver library over real sockets.
class DnsServerTest : public testing::Test {
 protected:
  static Config config(const std::string& host) {
    Config made = zones();
    made.dns_address = host;
    made.dns_port = 5353;
    for (int i = 0; i < 40; ++i) made.records.push_back({"many.test", "A", {"192.0.2." + std::to_string(i)}});
    return made;
  }
  static PacketPtr ask(const std::string& host, const std::string& name, bool tcp) {
    const std::unique_ptr<ldns_resolver, decltype(&ldns_resolver_deep_free)> resolver(ldns_resolver_new(),
                                                                                      ldns_resolver_deep_free);
    ldns_rdf* server = ldns_rdf_new_frm_str(LDNS_RDF_TYPE_A, host.c_str());
    ldns_resolver_push_nameserver(resolver.get(), server);
    ldns_rdf_deep_free(server);
    ldns_resolver_set_port(resolver.get(), 5353);
    ldns_resolver_set_usevc(resolver.get(), tcp);
    ldns_resolver_set_edns_udp_size(resolver.get(), 0);
    ldns_resolver_set_igntc(resolver.get(), true);
    ldns_resolver_set_fallback(resolver.get(), false);
    ldns_rdf* owner = ldns_dname_new_frm_str(name.c_str());
    ldns_pkt* reply = ldns_resolver_query(resolver.get(), owner, LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, 0);
    ldns_rdf_deep_free(owner);
    return {reply, ldns_pkt_free};
  }
};

TEST_F(DnsServerTest, AnswersOverUdpAndTcpWithReceipts) {
  const std::string host = loopback(20);
  Running running(config(host));
  const std::string nonce = fresh_nonce();
  EXPECT_EQ(say(ask(host, "x-" + nonce + ".y.wild.test", false).get()), "0 192.0.2.2");
  const PacketPtr cut = ask(host, "many.test", false);
  ASSERT_NE(cut, nullptr);
  EXPECT_TRUE(ldns_pkt_tc(cut.get()));
  const PacketPtr whole = ask(host, "many.test", true);
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(ldns_pkt_ancount(whole.get()), 40U);
  const auto receipts = running.receipts(ReceiptKind::dns);
  ASSERT_EQ(receipts.size(), 3U);
  EXPECT_EQ(receipts[0].nonce, nonce);
  EXPECT_EQ(receipts[0].name, "x-" + nonce + ".y.wild.test");
  EXPECT_EQ(receipts[0].local, host + ":5353");
  EXPECT_EQ(receipts[0].transport + " " + receipts[0].query_type, "udp A");
  EXPECT_EQ(receipts[2].transport, "tcp");
  EXPECT_EQ(receipts[2].connection, running.awaited(ReceiptKind::connection).connection);
}

TEST_F(DnsServerTest, ManyQueriesOnOneConnectionInAnyPieces) {
  const std::string host = loopback(21);
  Running running(config(host));
  Client client(host, 5353);
  const std::string query = query_wire("a.test", LDNS_RR_TYPE_A, {});
  const std::string framed = std::string{'\0', static_cast<char>(query.size())} + query;
  ASSERT_TRUE(client.send(framed + framed + framed.substr(0, 1)));
  ASSERT_TRUE(client.send(framed.substr(1) + framed.substr(0, 9)));
  client.end_of_input();
  const std::string replies = client.read_all();
  EXPECT_EQ(running.receipts(ReceiptKind::dns).size(), 3U);
  EXPECT_EQ(running.receipts(ReceiptKind::payload).size(), 1U) << "the incomplete one";
  EXPECT_EQ(replies.size() % 3, 0U);
  EXPECT_EQ(say(parse(replies.substr(2, replies.size() / 3 - 2)).get()), "0 192.0.2.1");
}

TEST_F(DnsServerTest, AMalformedQueryIsAReceiptToo) {
  const std::string host = loopback(22);
  Running running(config(host));
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
  Address address = make_address(host, 5353);
  const std::string nonce = fresh_nonce();
  const std::string junk = std::string("\0\1\1\0\0\1\0\0\0\0\0\0 ", 13) + nonce;
  ::sendto(socket.get(), junk.data(), junk.size(), 0, address.raw(), address.size);
  EXPECT_EQ(running.awaited(ReceiptKind::dns).nonce, nonce);
  EXPECT_EQ(running.awaited(ReceiptKind::dns).payload, junk);
}

}  // namespace
}  // namespace egressproof::target
