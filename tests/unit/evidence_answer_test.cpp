// Genuine answers, and what counts as success and arrival.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/evidence_sample.h"

namespace egressproof::evidence {
namespace {

using probe::Code;
using probe::Protocol;
using target::ReceiptKind;

// The client of the newest cell got a 200, with the answer of a request of this nonce. Its observation.
probe::Observation& answered(Sample& sample, const std::string& nonce) {
  probe::Observation& seen = sample.observe(Code::ok);
  seen.http_status = 200;
  seen.answer = sample.answer(sample.receive_request(1, nonce));
  return seen;
}

TEST(JoinAnswer, GenuineOnlyWithKeyMacNonceAndReceipt) {
  Sample sample;
  probe::Observation& seen = answered(sample, sample.add_cell("a").nonce);
  const target::Receipt receipt = sample.collected.journal.receipts.back();
  const probe::Answer right = *seen.answer;
  EXPECT_TRUE(sample.row().probe.genuine_answer);
  EXPECT_TRUE(client_ok(sample.row().probe));

  const auto with = [&](const std::function<void(probe::Answer&)>& change) {
    probe::Answer forged = right;
    change(forged);
    seen.answer = forged;
    EXPECT_FALSE(client_ok(sample.row().probe));
    return sample.row().probe.genuine_answer;
  };
  EXPECT_FALSE(with([](auto& one) { one.mac[0] = one.mac[0] == 'a' ? 'b' : 'a'; })) << "forged";
  EXPECT_FALSE(with([](auto& one) { one.mac.clear(); }));
  EXPECT_FALSE(with([](auto& one) { one.mac.erase(0, 32); })) << "half a MAC";
  EXPECT_FALSE(with([](auto& one) { one.fixture = "nobody"; }));
  EXPECT_FALSE(with([](auto& one) { one.fixture = "allow"; }));
  EXPECT_FALSE(with([](auto& one) { one.nonce = "-"; }));
  EXPECT_FALSE(with([](auto& one) { one.receipt = 1; })) << "the receipt of the connection alone";
  target::Receipt claimed = receipt;
  claimed.fixture = "allow";
  seen.answer = sample.answer(claimed);
  EXPECT_FALSE(sample.row().probe.genuine_answer) << "another fixture's claim to the receipt";
  seen.answer = right;
  sample.collected.journal.receipts.pop_back();
  EXPECT_FALSE(sample.row().probe.genuine_answer) << "its receipt is lost";
}

// In a cluster each target is a process of its own; a redirect leads from one to the other.
TEST(JoinAnswer, TwoTargetsMayCountToTheSameNumber) {
  Sample sample;
  answered(sample, sample.add_cell("a").nonce);
  auto& receipts = sample.collected.journal.receipts;
  target::Receipt first_hop = receipts.back();
  first_hop.fixture = "allow";
  first_hop.connection += std::uint64_t{1} << 32U;
  receipts.insert(receipts.begin(), first_hop);
  EXPECT_TRUE(sample.row().probe.genuine_answer);
}

TEST(JoinAnswer, OfAnotherAttemptIsReplayed) {
  Sample sample;
  sample.add_cell("a");
  const std::string other = sample.plan.cells[0].attempt.nonce;
  sample.add_cell("b");
  answered(sample, other);
  EXPECT_FALSE(sample.row().probe.genuine_answer);
}

TEST(JoinAnswer, WithoutANonceWhereTheConnectionIsTheAttempts) {
  Sample sample;
  sample.add_cell("a", Protocol::tcp);
  probe::Observation& seen = sample.observe(Code::ok);
  sample.receive(ReceiptKind::connection, 1).peer = seen.local;
  target::Receipt& payload = sample.receive(ReceiptKind::payload, 1);
  payload.peer = seen.local;
  seen.answer = sample.answer(payload);
  EXPECT_TRUE(client_ok(sample.row().probe));
}

TEST(ClientOk, DependsOnTheProtocol) {
  Witnesses one;
  one.observed.emplace();
  one.observed->code = Code::ok;
  one.attempt.protocol = Protocol::tls;
  EXPECT_TRUE(client_ok(one));
  one.attempt.protocol = Protocol::dns;
  EXPECT_TRUE(client_ok(one));
  one.attempt.protocol = Protocol::tcp;
  EXPECT_FALSE(client_ok(one));
  one.attempt.protocol = Protocol::http2;
  one.genuine_answer = true;
  for (const int status : {0, 199, 301, 403, 502}) {
    one.observed->http_status = status;
    EXPECT_FALSE(client_ok(one)) << status;
  }
  one.observed->http_status = 204;
  EXPECT_TRUE(client_ok(one));
  one.genuine_answer = false;
  EXPECT_FALSE(client_ok(one));
  one.attempt.method = "HEAD";
  EXPECT_TRUE(client_ok(one)) << "has no body";
  one.observed->code = Code::response_closed;
  EXPECT_FALSE(client_ok(one));
}

TEST(Arrival, HostFilterLooksAtEachHostOfRequestsAlone) {
  Sample sample;
  const std::string nonce = sample.add_cell("a").nonce;
  sample.observe(Code::ok);
  sample.receive(ReceiptKind::connection, 1, "", "cdn");
  sample.receive(ReceiptKind::tls, 1, nonce, "cdn");
  target::Receipt& request = sample.receive(ReceiptKind::request, 1, nonce, "cdn");
  const auto at_host = [&](const std::string& host) {
    request.host = host;
    return arrival(sample.row().probe, {"cdn", "fronted.test"}) != nullptr;
  };
  EXPECT_TRUE(at_host("fronted.test"));
  EXPECT_TRUE(at_host("FRONTED.test.:8443"));
  EXPECT_TRUE(at_host("front.test, fronted.test"));
  EXPECT_FALSE(at_host("front.test"));
  EXPECT_FALSE(at_host("xfronted.test"));
  EXPECT_FALSE(at_host(""));
  EXPECT_EQ(touch(sample.row().probe, {"cdn", "fronted.test"}), nullptr);
  EXPECT_NE(arrival(sample.row().probe, {"cdn", ""}), nullptr);
  EXPECT_EQ(arrival(sample.row().probe, {"sink", ""}), nullptr);
}

TEST(AddressPart, OfBothFamilies) {
  EXPECT_EQ(address_part("198.51.100.1:80"), "198.51.100.1");
  EXPECT_EQ(address_part("[2001:db8::1]:80"), "2001:db8::1");
}

}  // namespace
}  // namespace egressproof::evidence
