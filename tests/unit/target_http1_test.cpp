#include "base/json.h"
#include "tests/unit/target_support.h"

namespace egressproof::target {
namespace {

std::string answer_of(const Receipt& receipt) {
  return encode_answer({receipt.fixture, "key", {}, {}, false, {}, true}, receipt.nonce, receipt.number);
}

TEST(Http1Test, AnswersWithTheReceiptAndKeepsTheConnection) {
  const std::string host = loopback(1);
  Running running(one_fixture(host));
  Client client(host);
  std::string nonces[2];
  for (std::string& nonce : nonces) {
    nonce = fresh_nonce();
    ASSERT_TRUE(client.send(get_request("/r/" + nonce)));
    const std::string reply = client.read_until("mac=");
    EXPECT_NE(reply.find("HTTP/1.1 200 OK\r\n"), std::string::npos) << reply;
    EXPECT_NE(reply.find("nonce=" + nonce), std::string::npos) << reply;
  }
  const auto requests = running.receipts(ReceiptKind::request);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].nonce, nonces[1]);
  EXPECT_EQ(requests[0].connection, requests[1].connection);
  EXPECT_EQ(requests[0].local, host + ":8080");
  EXPECT_EQ(requests[0].host, "allow.test");
  EXPECT_FALSE(requests[0].host_header);
}

TEST(Http1Test, SwitchesProtocolsWhereThePathSays) {
  const std::string host = loopback(1);
  Running running(one_fixture(host));
  const std::string nonce = fresh_nonce();
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  Client client(host);
  ASSERT_TRUE(client.send(get_request("/upgrade/" + nonce, upgrade)));
  const std::string reply = client.read_until("\r\n\r\n");
  EXPECT_EQ(reply.find("HTTP/1.1 101 Switching Protocols\r\n"), 0U) << reply;
  ASSERT_TRUE(client.send("egressproof " + nonce + " tick 2\n"));
  EXPECT_NE(client.read_until("mac=").find("nonce=" + nonce), std::string::npos);
  const auto lines = running.receipts(ReceiptKind::payload);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].nonce, nonce);
  EXPECT_EQ(running.receipts(ReceiptKind::request).size(), 1U);
  // Any other request is answered as ever, whatever it asks for.
  for (const std::string& other : {get_request("/r/" + nonce, upgrade), get_request("/upgrade/" + nonce)}) {
    Client plain(host);
    ASSERT_TRUE(plain.send(other));
    EXPECT_NE(plain.read_until("mac=").find("HTTP/1.1 200 OK"), std::string::npos);
  }
}

TEST(Http1Test, AnswersWithinAKeySetWhereThePathSays) {
  const std::string host = loopback(1);
  Running running(one_fixture(host));
  const std::string nonce = fresh_nonce();
  Client client(host);
  ASSERT_TRUE(client.send(get_request("/" + nonce + "/jwks.json", "Connection: close\r\n")));
  const std::string reply = client.read_until("}\n");
  const std::size_t body = reply.find("\r\n\r\n");
  ASSERT_NE(body, std::string::npos) << reply;
  const Json keys = Json::parse(reply.substr(body + 4), nullptr, false);
  ASSERT_TRUE(keys.is_object()) << reply;
  EXPECT_EQ(keys["keys"][0]["kty"], "EC");
  const auto requests = running.receipts(ReceiptKind::request);
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(keys["answer"].get<std::string>() + "\n", answer_of(requests[0]));
}

TEST(Http1Test, RedirectsWhereThePathSays) {
  const std::string host = loopback(2);
  Running running(one_fixture(host));
  const std::string nonce = fresh_nonce();
  for (const std::string& target : {"/redirect/http%3A%2F%2Fdeny.test%2fr%2f" + nonce,
                                    "http://allow.test/redirect/http%3A%2F%2Fdeny.test%2fr%2f" + nonce}) {
    Client client(host);
    ASSERT_TRUE(client.send(get_request(target, "Connection: close\r\n")));
    const std::string reply = client.read_all();
    EXPECT_EQ(reply.find("HTTP/1.1 302 Found\r\n"), 0U) << reply;
    EXPECT_NE(reply.find("\r\nlocation: http://deny.test/r/" + nonce + "\r\n"), std::string::npos) << reply;
    const Receipt receipt = running.receipts(ReceiptKind::request).back();
    EXPECT_EQ(receipt.nonce, nonce) << "of the percent-decoded path";
    EXPECT_EQ(reply.substr(reply.find("\r\n\r\n") + 4), answer_of(receipt));
  }
  Client client(host);
  ASSERT_TRUE(client.send(get_request("/redirect/x%0d%0aset-cookie:%20a=b", "Connection: close\r\n")));
  const std::string reply = client.read_all();
  EXPECT_EQ(reply.find("HTTP/1.1 200"), 0U) << "a location with line ends would split the reply: " << reply;
  EXPECT_EQ(reply.find("set-cookie"), std::string::npos) << reply;
}

TEST(Http1Test, FindsTheNextRequestBehindABody) {
  const std::string host = loopback(3);
  Running running(one_fixture(host));
  Client client(host);
  const std::string bodies[] = {
      "Content-Length: 100000\r\n\r\n" + std::string(100000, 'b'),
      "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n4;x=y\r\nGET \r\n0\r\nA: b\r\n\r\n",
      "Content-Length: 18446744073709551615000\r\n\r\n", "Content-Length: 1\r\n\r\nb\r\n\r\n"};
  for (const std::string& body : bodies) ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nHost: allow.test\r\n" + body));
  ASSERT_TRUE(client.send(get_request("/last", "Connection: close\r\n")));
  client.read_all();
  const auto requests = running.receipts(ReceiptKind::request);
  ASSERT_EQ(requests.size(), 5U);
  EXPECT_EQ(requests[4].path, "/last");
  EXPECT_TRUE(running.receipts(ReceiptKind::payload).empty());
}

TEST(Http1Test, TheReceiptDoesNotWaitForTheBody) {
  const std::string host = loopback(4);
  Running running(one_fixture(host));
  Client client(host);
  const std::string nonce = fresh_nonce();
  ASSERT_TRUE(client.send("POST /" + nonce + " HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.read_some(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(running.awaited(ReceiptKind::request).nonce, nonce);
  ASSERT_TRUE(client.send("12345"));
  EXPECT_NE(client.read_until("mac=").find("HTTP/1.1 200"), std::string::npos);
}

TEST(Http1Test, WhatIsNoRequestIsAPayload) {
  const std::string host = loopback(5);
  Running running(one_fixture(host));
  const std::string nonce = fresh_nonce();
  const std::string texts[] = {
      "\x01\x02 " + nonce + "\n", "GET /" + nonce + " HTTP/1.1\r\nHost: allow.te", "HELLO",         "P",
      "PRI * HTTP/3 " + nonce,    "\x16\x03\x01 not tls at all " + nonce,          "get / " + nonce};
  std::size_t count = 0;
  for (const std::string& text : texts) {
    Client client(host);
    ASSERT_TRUE(client.send(text));
    client.end_of_input();
    const std::string reply = client.read_all();
    const auto receipts = running.receipts(ReceiptKind::payload);
    ASSERT_EQ(receipts.size(), ++count) << text;
    EXPECT_EQ(receipts.back().payload, text);
    EXPECT_EQ(receipts.back().nonce, text.size() > 32 ? nonce : "") << text;
    EXPECT_EQ(reply.find("mac=") != std::string::npos, text.front() != 0x16) << text;
  }
}

TEST(Http1Test, ANonceCutByTheEndOfAReadIsFound) {
  const std::string host = loopback(6);
  Running running(one_fixture(host));
  Client client(host);
  const std::string nonce = fresh_nonce();
  ASSERT_TRUE(client.send("x\n" + nonce.substr(0, 10)));
  ASSERT_NE(client.read_until("\n"), "");
  ASSERT_TRUE(client.send(nonce.substr(10) + "\n"));
  EXPECT_NE(client.read_until("\n").find("nonce=" + nonce), std::string::npos);
}

TEST(Http1Test, AnEnormousHeadIsToldAndRefused) {
  const std::string host = loopback(7);
  Running running(one_fixture(host));
  Client client(host);
  const std::string nonce = fresh_nonce();
  ASSERT_TRUE(client.send(get_request("/" + nonce, "X: " + std::string(300000, 'x') + "\r\n")));
  const std::string reply = client.read_all();
  EXPECT_EQ(reply.find("HTTP/1.1 431 "), 0U) << reply;
  EXPECT_FALSE(client.failed()) << "a reset, which may overtake the reply";
  EXPECT_EQ(running.awaited(ReceiptKind::request).nonce, nonce);
}

TEST(TlsTest, HelloIsToldAndTheRequestInside) {
  const std::string host = loopback(8);
  Running running(one_fixture(host));
  Client client(host);
  const std::string nonce = fresh_nonce();
  const std::string mark = "ep-" + nonce;
  ASSERT_TRUE(client.start_tls(running.config().ca_file, "allow.test", "\x08http/1.1" + std::string(1, '\x23') + mark));
  EXPECT_EQ(client.selected_alpn(), "http/1.1");
  ASSERT_TRUE(client.send(get_request("/", "Connection: close\r\n")));
  EXPECT_NE(client.read_all().find("mac="), std::string::npos);
  const Receipt hello = running.awaited(ReceiptKind::tls);
  EXPECT_EQ(hello.sni, "allow.test");
  EXPECT_EQ(hello.alpn, (std::vector<std::string>{"http/1.1", mark}));
  EXPECT_EQ(hello.nonce, nonce);
  EXPECT_EQ(running.awaited(ReceiptKind::request).nonce, nonce) << "the connection's";
}

TEST(TlsTest, AnAlertAndAReplyRefusedHarmNobody) {
  const std::string host = loopback(9);
  Running running(one_fixture(host));
  {
    Client client(host);
    EXPECT_FALSE(client.start_tls("", "allow.test")) << "a client without the CA sends the alert unknown_ca";
  }
  EXPECT_EQ(running.awaited(ReceiptKind::tls).sni, "allow.test");
  Client client(host);
  ASSERT_TRUE(client.send(get_request("/")));
  EXPECT_NE(client.read_until("mac="), "");
}

}  // namespace
}  // namespace egressproof::target
