// Requests whose bytes are the attempt's own, and requests on a connection that carried one before.
#include <gmock/gmock.h>
#include <nghttp2/nghttp2.h>

#include "probe/codec.h"
#include "probe/exchange.h"
#include "probe/request.h"
#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

using loopback::address;
using loopback::attempt_to;
using loopback::Peer;
using loopback::port;
using loopback::run_one;
using target::ReceiptKind;
using testing::ElementsAre;
using testing::HasSubstr;

Attempt http1_attempt() {
  Attempt attempt = attempt_to("192.0.2.1", 80);
  attempt.nonce = std::string(32, 'a');
  return attempt;
}

TEST(Head, IsWhatTheFieldsSayByteForByte) {
  Attempt attempt = http1_attempt();
  attempt.method = "GeT";
  attempt.path = "http://other.test/r/{nonce}";
  attempt.http_version = "1.0";
  attempt.fields = {{"Host", "a.test"}, {"HOST", "b.test"}, {" odd\xff", " v {nonce}"}, {"empty", ""}};
  EXPECT_EQ(http1_head(attempt), "GeT http://other.test/r/" + attempt.nonce +
                                     " HTTP/1.0\r\nHost: a.test\r\nHOST: b.test\r\n odd\xff:  v " + attempt.nonce +
                                     "\r\nempty: \r\n\r\n");
}

TEST(Head, OfTheEarlierRequestHasItsOwnNonce) {
  Attempt attempt = http1_attempt();
  attempt.headers = {{"x", "y"}};
  attempt.earlier = EarlierRequest{"early.test"};
  const std::string own = sha256_hex(attempt.nonce + "/earlier").substr(0, 32);
  EXPECT_EQ(earlier_nonce(attempt.nonce), own);
  EXPECT_EQ(http1_head(earlier_attempt(attempt)), "GET /earlier/" + own +
                                                      " HTTP/1.1\r\nHost: early.test\r\nAccept: */*\r\n"
                                                      "egressproof-nonce: " +
                                                      own + "\r\negressproof-earlier: 1\r\n\r\n");
}

// The response in pieces of every size gives the same reply.
TEST(Http1, ResponsesAreReadHoweverTheyArrive) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nlocation: /wrong\r\n\r\n";
  const std::vector<std::string> responses = {
      interim + "HTTP/1.1 404 No\r\nServer: envoy\r\nLocation: /x\r\ncontent-length: 5\r\n\r\nhello",
      interim +
          "HTTP/1.1 404 No\r\nserver: envoy\r\nlocation: /x\r\ntransfer-encoding: chunked\r\n\r\n"
          "2;ext=1\r\nhe\r\n3\r\nllo\r\n0\r\ntrailer: t\r\n\r\n",
      interim + "HTTP/1.0 404 No\r\nserver: envoy\r\nlocation: /x\r\n\r\nhello"};
  for (const std::string& response : responses) {
    for (std::size_t piece = 1; piece <= response.size(); ++piece) {
      const auto exchange = make_http1_exchange(http1_attempt());
      for (std::size_t at = 0; at < response.size(); at += piece) exchange->received(response.substr(at, piece));
      exchange->closed(Closing::end_of_file, "");
      ASSERT_TRUE(exchange->ending());
      EXPECT_EQ(exchange->ending()->code, Code::ok) << exchange->ending()->detail;
      EXPECT_EQ(exchange->reply().status, 404);
      EXPECT_EQ(exchange->reply().server_header, "envoy");
      EXPECT_EQ(exchange->reply().location, "/x");
      EXPECT_EQ(exchange->reply().body, "hello");
    }
  }
}

TEST(Http1, ResponsesToHeadAndWithoutBodyEndWithTheHeader) {
  Attempt attempt = http1_attempt();
  attempt.method = "HEAD";
  for (const std::string status : {"200", "204", "304"}) {
    const auto exchange = make_http1_exchange(attempt);
    exchange->received("HTTP/1.1 " + status + " X\r\ncontent-length: 500\r\n\r\n");
    ASSERT_TRUE(exchange->ending()) << status;
    EXPECT_EQ(exchange->ending()->code, Code::ok);
  }
}

TEST(Http1, AHugeBodyIsCountedAndItsBeginningKept) {
  const auto exchange = make_http1_exchange(http1_attempt());
  exchange->received("HTTP/1.1 200 OK\r\n\r\n");
  const std::string mebibyte(1 << 20, 'x');
  for (int i = 0; i < 3; ++i) exchange->received(mebibyte);
  exchange->closed(Closing::end_of_file, "");
  EXPECT_EQ(exchange->reply().bytes, 3U << 20);
  EXPECT_EQ(exchange->reply().body.size(), 1U << 20);
}

class OwnBytesTest : public testing::Test {
 protected:
  loopback::Target target;
  Attempt to_a(Protocol protocol, bool over_tls) {
    Attempt attempt = attempt_to(address(1), port, protocol);
    attempt.over_tls = over_tls;
    return attempt;
  }
};

TEST_F(OwnBytesTest, DuplicateHostAndHttp10ReachTheTarget) {
  for (const bool over_tls : {false, true}) {
    Attempt attempt = to_a(Protocol::http1, over_tls);
    attempt.http_version = "1.0";
    attempt.fields = {{"Host", "one.test"}, {"Host", "two.test"}};
    const Observation seen = run_one(attempt, target.options());
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    EXPECT_EQ(seen.http_status, 200);
    EXPECT_EQ(seen.server_header, "egressproof-target");
    EXPECT_EQ(seen.answer ? seen.answer->nonce : "", attempt.nonce);
    EXPECT_EQ(seen.stages.back().stage, Stage::response);
    const auto receipts = target.receipts(ReceiptKind::request, attempt.nonce);
    ASSERT_EQ(receipts.size(), 1U);
    EXPECT_EQ(receipts[0].host, "one.test, two.test");
    EXPECT_EQ(receipts[0].http_version, "1.0");
  }
}

TEST_F(OwnBytesTest, Http2BlockGoesOutInItsOrder) {
  for (const bool over_tls : {false, true}) {
    Attempt attempt = to_a(Protocol::http2, over_tls);
    attempt.fields = {{":path", "/own/{nonce}"},
                      {":authority", "authority.test"},
                      {":scheme", "http"},
                      {":method", "POST"},
                      {"host", "host.test"}};
    const Observation seen = run_one(attempt, target.options());
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    EXPECT_EQ(seen.http_version, "2");
    EXPECT_EQ(seen.http_status, 200);
    EXPECT_EQ(seen.server_header, "egressproof-target");
    const auto receipts = target.receipts(ReceiptKind::request, attempt.nonce);
    ASSERT_EQ(receipts.size(), 1U);
    EXPECT_EQ(receipts[0].host, "authority.test");
    EXPECT_EQ(receipts[0].host_header, "host.test");
    EXPECT_EQ(receipts[0].method, "POST");
    EXPECT_EQ(receipts[0].path, "/own/" + attempt.nonce);
  }
}

TEST(Http2, NamesAndOrderAreKeptOnTheWire) {
  Attempt attempt = http1_attempt();
  attempt.protocol = Protocol::http2;
  attempt.fields = {{"Upper-\xff", "1"}, {":path", "/late"}, {"Upper-\xff", "2"}};
  const std::string wire = make_http2_exchange(attempt)->take_output();
  // HPACK may use Huffman codes; a server session decodes them.
  Fields decoded;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* into) {
        static_cast<Fields*>(into)->emplace_back(std::string(name, name + name_size),
                                                 std::string(value, value + value_size));
        return 0;
      });
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_http_messaging(options, 1);
  nghttp2_session* session = nullptr;
  nghttp2_session_server_new2(&session, callbacks, &decoded, options);
  nghttp2_session_mem_recv(session, reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size());
  nghttp2_session_del(session);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(callbacks);
  EXPECT_EQ(decoded, attempt.fields);
}

TEST_F(OwnBytesTest, EarlierRequestSharesTheConnectionNotTheNonce) {
  for (const Protocol protocol : {Protocol::http1, Protocol::http2})
    for (const bool over_tls : {false, true})
      for (const bool own_fields : {false, true}) {
        Attempt attempt = to_a(protocol, over_tls);
        attempt.earlier = EarlierRequest{"early.test"};
        if (own_fields && protocol == Protocol::http1) attempt.fields = {{"Host", "a.test"}};
        if (own_fields && protocol == Protocol::http2)
          attempt.fields = {{":method", "GET"}, {":path", attempt.path}, {":scheme", "http"}, {":authority", "a.test"}};
        const Observation seen = run_one(attempt, target.options());
        EXPECT_EQ(seen.code, Code::ok) << seen.detail;
        EXPECT_EQ(seen.answer ? seen.answer->nonce : "", attempt.nonce);
        const auto own = target.receipts(ReceiptKind::request, attempt.nonce);
        const auto earlier = target.receipts(ReceiptKind::request, earlier_nonce(attempt.nonce));
        ASSERT_EQ(own.size(), 1U);
        ASSERT_EQ(earlier.size(), 1U);
        EXPECT_EQ(earlier[0].host, "early.test");
        EXPECT_EQ(own[0].host, "a.test");
        EXPECT_EQ(own[0].connection, earlier[0].connection);
        EXPECT_LT(earlier[0].number, own[0].number);
      }
}

// Whatever ends the connection before the attempt's own request is not evidence about that request.
TEST(Earlier, AConnectionThatCannotBeReusedIsALocalError) {
  const std::string ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n";
  struct Case {
    std::string response;
    std::string detail;
  };
  for (const Case& one : {Case{ok + "connection: close\r\n\r\n", "the peer closes after its response"},
                          Case{"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", "the peer closes after its response"},
                          Case{"HTTP/1.1 200 OK\r\n\r\nuntil close", "the peer closes after its response"},
                          Case{"", "closed before a complete response"}, Case{"nonsense\r\n\r\n", "bad version"}}) {
    std::string rest;
    Peer peer([&](int fd) {
      Peer::read_to(fd, "\r\n\r\n");
      Peer::write_all(fd, one.response);
      ::shutdown(fd, SHUT_WR);
      rest = Peer::read_to(fd, "");
    });
    Attempt attempt = attempt_to("127.0.0.1", peer.port());
    attempt.earlier = EarlierRequest{"early.test"};
    const Observation seen = run_one(attempt);
    EXPECT_EQ(seen.code, Code::local_error) << one.response;
    EXPECT_THAT(seen.detail, HasSubstr("could not be re-used after the earlier request: " + one.detail));
    EXPECT_EQ(seen.reached, Stage::request);
    EXPECT_FALSE(seen.http_status);
    EXPECT_EQ(peer.accepted(), 1);
  }
}

TEST(Earlier, AClosedConnectionIsNotReplacedByANewOne) {
  std::atomic<int> requests{0};
  Peer peer([&](int fd) {
    Peer::read_to(fd, "\r\n\r\n");
    ++requests;
    Peer::write_all(fd, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    Peer::read_to(fd, "\r\n\r\n");
  });
  Attempt attempt = attempt_to("127.0.0.1", peer.port());
  attempt.earlier = EarlierRequest{"early.test"};
  const Observation seen = run_one(attempt);
  EXPECT_EQ(seen.code, Code::response_closed) << "the attempt's own request was sent: " << seen.detail;
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(peer.accepted(), 1);
}

TEST(Earlier, ASilentPeerIsALocalErrorWithinTheLimit) {
  Peer peer(Peer::hold);
  for (const Protocol protocol : {Protocol::http1, Protocol::http2}) {
    Attempt attempt = attempt_to("127.0.0.1", peer.port(), protocol);
    attempt.earlier = EarlierRequest{"early.test"};
    attempt.limits.response = std::chrono::milliseconds(200);
    const Observation seen = run_one(attempt);
    EXPECT_EQ(seen.code, Code::local_error);
    EXPECT_THAT(seen.detail, HasSubstr("no complete response within 200 ms"));
  }
}

TEST(Earlier, GoawayAfterTheEarlierResponseIsALocalError) {
  Attempt attempt = http1_attempt();
  attempt.protocol = Protocol::http2;
  attempt.earlier = EarlierRequest{"early.test"};
  const auto exchange = make_http2_exchange(attempt);
  EXPECT_FALSE(exchange->take_output().empty());
  EXPECT_FALSE(exchange->asked());
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  const std::string goaway("\0\0\x08\7\0\0\0\0\0\0\0\0\1\0\0\0\0", 17);
  const std::string headers("\0\0\1\1\5\0\0\0\1\x88", 10);  // :status 200, END_STREAM
  exchange->received(settings + goaway + headers);
  ASSERT_TRUE(exchange->ending());
  EXPECT_EQ(exchange->ending()->code, Code::local_error);
  EXPECT_FALSE(exchange->asked());
}

}  // namespace
}  // namespace egressproof::probe
