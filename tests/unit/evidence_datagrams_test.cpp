// Attempts that make no connection, and ends that are written in another form than the other witnesses'.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/policy/network_drop.h"
#include "tests/unit/evidence_sample.h"

namespace egressproof::evidence {
namespace {

using probe::Code;
using probe::Protocol;
using target::ReceiptKind;
using testing::IsEmpty;
using testing::SizeIs;

policy::MeshRecord& at_its_ends(Sample& sample, const std::string& witness) {
  policy::MeshRecord& record = sample.log();
  record.proxy = witness;
  record.downstream = std::string(pod_address) + ":40001";
  record.destination = "198.51.100.66:80";
  return record;
}

TEST(JoinDatagrams, OnlyTheNetworkPluginKnowsOfThem) {
  for (const Protocol protocol : {Protocol::udp, Protocol::icmp, Protocol::syn}) {
    Sample sample;
    sample.add_cell("a", protocol);
    sample.observe(Code::response_timeout);
    sample.allow_controls();
    at_its_ends(sample, "P3").cluster = "BlackHoleCluster";
    EXPECT_THAT(sample.row().probe.logged, IsEmpty()) << "a connection with the same ends is another's";
    at_its_ends(sample, policy::network_witness("P3")).details = policy::network_policy_drop;
    EXPECT_THAT(sample.row().probe.logged, SizeIs(1));
  }
}

TEST(JoinDatagrams, APacketWithTheNonceArrivedOnlyWhereNothingElseCould) {
  for (const Protocol protocol : {Protocol::icmp, Protocol::syn, Protocol::udp, Protocol::tcp}) {
    Sample sample;
    const std::string nonce = sample.add_cell("a", protocol).nonce;
    sample.observe(Code::ok);
    sample.receive(ReceiptKind::packet, 0, nonce).peer = pod_address;
    sample.allow_controls();
    const Row row = sample.row();
    EXPECT_NE(touch(row.probe, row.cell.target), nullptr);
    const bool alone = protocol == Protocol::icmp || protocol == Protocol::syn;
    EXPECT_EQ(arrival(row.probe, row.cell.target) != nullptr, alone) << to_string(protocol);
    EXPECT_THAT(row.unattributed, IsEmpty()) << "it says whose it is";
  }
}

TEST(JoinDatagrams, TheClientIsRightOnlyWithAGenuineAnswerUnlessItExpectsNone) {
  Sample sample;
  probe::Attempt& attempt = sample.add_cell("a", Protocol::udp);
  sample.observe(Code::ok);
  EXPECT_FALSE(client_ok(sample.row().probe));
  attempt.expects_answer = false;
  EXPECT_TRUE(client_ok(sample.row().probe));
}

TEST(JoinMapped, AnIpv4EndWrittenAsIpv6IsTheProxysIpv4End) {
  Sample sample;
  sample.add_cell("a", Protocol::tcp);
  probe::Observation& seen = sample.observe(Code::response_closed);
  seen.local = std::string("[::ffff:") + pod_address + "]:40001";
  seen.peer = "[::ffff:198.51.100.66]:80";
  at_its_ends(sample, "P3").cluster = "BlackHoleCluster";
  EXPECT_THAT(sample.row().probe.logged, SizeIs(1));
}

TEST(AddressPart, OfAnAddressWithoutPort) {
  EXPECT_EQ(address_part("203.0.113.10"), "203.0.113.10");
  EXPECT_EQ(address_part("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(address_part("[2001:db8::1]:80"), "2001:db8::1");
}

}  // namespace
}  // namespace egressproof::evidence
