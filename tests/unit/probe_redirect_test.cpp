#include <gmock/gmock.h>

#include "probe/request.h"
#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

using loopback::address;
using loopback::attempt_to;
using loopback::Peer;
using loopback::port;
using loopback::run_one;
using loopback::stages_of;
using target::ReceiptKind;
using testing::ElementsAre;

Attempt origin() {
  Attempt attempt = attempt_to("192.0.2.1", 8080);
  attempt.host = "a.test";
  attempt.path = "/dir/page?q";
  attempt.headers = {{"Authorization", "secret"}, {"x", "y"}};
  return attempt;
}

struct Hop {
  std::string location, name, address;
  std::uint16_t port;
  bool over_tls;
  std::string host, path;
};

TEST(NextHop, IsWhatTheLocationSays) {
  const std::vector<Hop> hops = {
      {"http://B.test/x?y#z", "B.test", "", 80, false, "B.test", "/x?y"},
      {"https://b.test:8443", "b.test", "", 8443, true, "b.test:8443", "/"},
      {"https://b.test:443/", "b.test", "", 443, true, "b.test", "/"},
      {"http://192.0.2.9:81/a", "", "192.0.2.9", 81, false, "192.0.2.9:81", "/a"},
      {"https://[2001:db8::1]/", "", "2001:db8::1", 443, true, "[2001:db8::1]", "/"},
      {"//c.test/p", "c.test", "", 80, false, "c.test", "/p"},
      {"/abs/../p", "a.test", "", 8080, false, "a.test:8080", "/abs/../p"},
      {"other", "a.test", "", 8080, false, "a.test:8080", "/dir/other"},
      {"?n", "a.test", "", 8080, false, "a.test:8080", "/dir/page?n"},
  };
  for (const Hop& expected : hops) {
    const auto hop = next_hop(origin(), 302, expected.location);
    ASSERT_TRUE(hop) << expected.location;
    EXPECT_EQ(hop->name, expected.name) << expected.location;
    EXPECT_EQ(hop->address, expected.address) << expected.location;
    EXPECT_EQ(hop->port, expected.port) << expected.location;
    EXPECT_EQ(hop->over_tls, expected.over_tls) << expected.location;
    EXPECT_EQ(hop->host, expected.host) << expected.location;
    EXPECT_EQ(hop->path, expected.path) << expected.location;
    EXPECT_EQ(hop->sni, expected.name.empty() ? std::nullopt : std::optional(expected.name));
    EXPECT_EQ(hop->headers.size(), expected.name == "a.test" ? 2U : 1U) << "credentials stay with their host";
  }
}

TEST(NextHop, IsNothingWhereHttpEnds) {
  for (const char* location : {"ftp://b.test/", "javascript:1", "http://", "http://b.test:99999/", "http://b c/"})
    EXPECT_FALSE(next_hop(origin(), 302, location)) << location;
}

TEST(NextHop, ChangesTheMethodAsRfc9110Says) {
  Attempt post = origin();
  post.method = "POST";
  EXPECT_EQ(next_hop(post, 302, "/x")->method, "GET");
  EXPECT_EQ(next_hop(post, 307, "/x")->method, "POST");
  post.method = "PUT";
  EXPECT_EQ(next_hop(post, 303, "/x")->method, "GET");
  EXPECT_EQ(next_hop(post, 301, "/x")->method, "PUT");
}

class RedirectTest : public testing::Test {
 protected:
  loopback::Target target;

  Attempt redirected(const std::string& location, int hops, Protocol protocol = Protocol::http1) {
    Attempt attempt = attempt_to("", port, protocol);
    attempt.name = "a.test";
    attempt.path = "/redirect/" + location;
    attempt.follow_redirects = hops;
    return attempt;
  }
};

TEST_F(RedirectTest, TheHopIsResolvedAfreshAndHasTheNonce) {
  for (const Protocol protocol : {Protocol::http1, Protocol::http2})
    for (const bool own_fields : {false, true}) {
      const std::string location = "https://b.test:8080/deep?x=1";
      Attempt attempt = redirected(location, 3, protocol);
      if (own_fields && protocol == Protocol::http1) attempt.fields = {{"Host", "a.test"}};
      const Observation seen = run_one(attempt, target.options());
      EXPECT_EQ(seen.code, Code::ok) << seen.detail;
      EXPECT_THAT(seen.redirects, ElementsAre(location));
      EXPECT_EQ(seen.answer ? seen.answer->fixture : "", "b");
      EXPECT_EQ(seen.answer ? seen.answer->nonce : "", attempt.nonce);
      EXPECT_EQ(seen.http_status, 200);
      EXPECT_EQ(seen.peer, address(2) + ":8080");
      EXPECT_THAT(seen.addresses, ElementsAre(address(2)));
      EXPECT_EQ(seen.certificate, "b");
      EXPECT_THAT(stages_of(seen), ElementsAre(Stage::resolve, Stage::resolve, Stage::connect, Stage::tls,
                                               Stage::request, Stage::response));
      const auto hello = target.receipts(ReceiptKind::tls, attempt.nonce);
      ASSERT_EQ(hello.size(), 1U);
      EXPECT_EQ(hello[0].sni, "b.test");
      const auto requests = target.receipts(ReceiptKind::request, attempt.nonce);
      ASSERT_EQ(requests.size(), 2U - (own_fields && protocol == Protocol::http1 ? 1U : 0U));
      EXPECT_EQ(requests.back().host, "b.test:8080");
      EXPECT_EQ(requests.back().path, "/deep?x=1");
    }
}

TEST_F(RedirectTest, ARelativeLocationIsANewConnection) {
  Attempt attempt = redirected("/again", 1);
  const Observation seen = run_one(attempt, target.options());
  EXPECT_EQ(seen.http_status, 200) << seen.detail;
  const auto requests = target.receipts(ReceiptKind::request, attempt.nonce);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].path, "/again");
  EXPECT_NE(requests[0].connection, requests[1].connection);
}

TEST_F(RedirectTest, NothingIsFollowedUnlessAsked) {
  const Observation seen = run_one(redirected("http://b.test:8080/", 0), target.options());
  EXPECT_EQ(seen.code, Code::ok);
  EXPECT_EQ(seen.http_status.value_or(0) / 100, 3);
  EXPECT_TRUE(seen.redirects.empty());
  EXPECT_EQ(target.receipts(ReceiptKind::connection).size(), 1U);
}

TEST_F(RedirectTest, ALoopEndsAfterTheHopsAllowed) {
  Peer peer(
      [](int fd) {
        Peer::read_to(fd, "\r\n\r\n");
        Peer::write_all(fd, "HTTP/1.1 307 X\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n");
      },
      address(1));
  Attempt attempt = attempt_to(address(1), peer.port());
  attempt.follow_redirects = 4;
  const Observation seen = run_one(attempt, target.options());
  EXPECT_EQ(seen.code, Code::ok) << seen.detail;
  EXPECT_EQ(seen.http_status, 307);
  EXPECT_EQ(seen.redirects.size(), 4U);
  EXPECT_EQ(peer.accepted(), 5);
}

TEST_F(RedirectTest, AnotherSchemeIsAnEnd) {
  const Observation seen = run_one(redirected("ftp://b.test/", 3), target.options());
  EXPECT_EQ(seen.code, Code::ok);
  EXPECT_EQ(seen.http_status.value_or(0) / 100, 3);
  EXPECT_TRUE(seen.redirects.empty());
}

// The first hop's success must not hide that the last one failed.
TEST_F(RedirectTest, WhatIsToldIsTheLastHops) {
  const Observation unknown = run_one(redirected("http://nobody.test:8080/", 3), target.options());
  EXPECT_EQ(unknown.code, Code::name_not_found);
  EXPECT_EQ(unknown.reached, Stage::resolve);
  EXPECT_THAT(stages_of(unknown), ElementsAre(Stage::resolve, Stage::resolve));
  EXPECT_EQ(unknown.stages[0].code, Code::ok);
  EXPECT_EQ(unknown.stages[1].code, Code::name_not_found);
  EXPECT_FALSE(unknown.http_status);
  EXPECT_FALSE(unknown.answer);
  EXPECT_EQ(unknown.peer, "");
  EXPECT_THAT(unknown.redirects, ElementsAre("http://nobody.test:8080/"));
  const Observation refused = run_one(redirected("http://b.test:1/", 3), target.options());
  EXPECT_EQ(refused.code, Code::connect_refused);
  EXPECT_EQ(refused.peer, address(2) + ":1");
  EXPECT_FALSE(refused.http_status);
}

}  // namespace
}  // namespace egressproof::probe
