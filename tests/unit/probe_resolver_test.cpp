#include <gmock/gmock.h>

#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

using loopback::address;
using loopback::attempt_to;
using loopback::run_one;
using std::chrono::milliseconds;
using target::ReceiptKind;
using testing::ElementsAre;

class DnsTest : public testing::Test {
 protected:
  loopback::Target target;

  // Without options(): the name server is the attempt's own.
  Attempt query(const std::string& name, const std::string& type) {
    Attempt attempt = attempt_to("", loopback::dns_port, Protocol::dns);
    attempt.name = name;
    attempt.query_type = type;
    attempt.server = address(3);
    return attempt;
  }
};

TEST_F(DnsTest, EveryTypeOverBothTransports) {
  for (const std::string transport : {"udp", "tcp"}) {
    Attempt attempt = query("{nonce}.wild.test", "A");
    attempt.query_transport = transport;
    const Observation seen = run_one(attempt);
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    EXPECT_EQ(seen.reached, Stage::resolve);
    EXPECT_THAT(seen.dns_answers, ElementsAre(address(1)));
    const auto receipts = target.receipts(ReceiptKind::dns, attempt.nonce);
    ASSERT_EQ(receipts.size(), 1U);
    EXPECT_EQ(receipts[0].transport, transport);
    EXPECT_EQ(receipts[0].name, attempt.nonce + ".wild.test");

    attempt = query("x.wild.test", "TXT");
    attempt.query_transport = transport;
    const Observation text = run_one(attempt);
    EXPECT_THAT(text.dns_answers, testing::UnorderedElementsAre("first", std::string(300, 't'))) << text.detail;
    EXPECT_TRUE(text.addresses.empty());

    attempt = query("six.test", "AAAA");
    attempt.query_transport = transport;
    EXPECT_THAT(run_one(attempt).dns_answers, ElementsAre("::1"));
  }
}

TEST_F(DnsTest, FailuresHaveTheirCodes) {
  EXPECT_EQ(run_one(query("nobody.test", "A")).code, Code::name_not_found);
  EXPECT_EQ(run_one(query("a.test", "AAAA")).code, Code::name_no_data);
  EXPECT_EQ(run_one(query("example.org", "A")).code, Code::name_server_failure) << "REFUSED";
  Attempt closed = query("a.test", "A");
  closed.port = 1;
  EXPECT_EQ(run_one(closed).code, Code::name_server_failure) << "nothing listens";
}

TEST_F(DnsTest, ANameToDialFailsInItsOwnStage) {
  Attempt attempt = attempt_to("", loopback::port);
  attempt.name = "nobody.test";
  const Observation seen = run_one(attempt, target.options());
  EXPECT_EQ(seen.code, Code::name_not_found);
  ASSERT_EQ(seen.stages.size(), 1U);
  EXPECT_EQ(seen.stages[0].stage, Stage::resolve);
  EXPECT_EQ(seen.stages[0].code, Code::name_not_found);
  EXPECT_FALSE(seen.detail.empty());
  EXPECT_TRUE(seen.peer.empty());
}

TEST_F(DnsTest, TheNameMayCarryTheNonce) {
  Attempt attempt = attempt_to("", loopback::port);
  attempt.name = "{nonce}.wild.test";
  EXPECT_EQ(run_one(attempt, target.options()).code, Code::ok);
  EXPECT_EQ(target.receipts(ReceiptKind::dns, attempt.nonce).size(), 1U);
}

TEST(DnsLimits, ASilentServerTimesOutWithinTheLimit) {
  const UniqueFd silent(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  auto* raw = reinterpret_cast<sockaddr*>(&name);
  ASSERT_EQ(::bind(silent.get(), raw, size), 0);
  ASSERT_EQ(::getsockname(silent.get(), raw, &size), 0);
  Attempt attempt = attempt_to("", ntohs(name.sin_port), Protocol::dns);
  attempt.name = "a.test";
  attempt.server = "127.0.0.1";
  attempt.limits.resolve = milliseconds(300);
  const Observation seen = run_one(attempt);
  EXPECT_EQ(seen.code, Code::name_timeout) << seen.detail;
  ASSERT_EQ(seen.stages.size(), 1U);
  EXPECT_GE(seen.stages[0].took, milliseconds(290));
  EXPECT_LT(seen.stages[0].took, milliseconds(1500));
}

}  // namespace
}  // namespace egressproof::probe
