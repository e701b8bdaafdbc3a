// Requests that the mesh makes because a policy names them.
#include <gtest/gtest.h>

#include "runner/evidence/fetch.h"
#include "runner/policy/network_drop.h"
#include "tests/unit/evidence_sample.h"

namespace egressproof::evidence {
namespace {

using target::ReceiptKind;

constexpr const char* istiod = "203.0.113.2";

// Fetched by istiod from `sink`; the vantage's controls were allowed.
Sample fetched() {
  Sample sample;
  sample.add_cell("fetch").path = "/jwks.json";
  plan::Cell& cell = sample.plan.cells.back();
  cell.fetched = true;
  cell.pod = cell.via = plan::istiod_end;
  sample.collected.pod_addresses[plan::istiod_end] = {istiod};
  sample.allow_controls();
  return sample;
}

void receive(Sample& sample, std::uint64_t connection, const std::string& from, const std::string& path,
             const std::string& nonce = "") {
  const std::string peer = from + ":" + std::to_string(50000 + connection);
  sample.receive(ReceiptKind::connection, connection).peer = peer;
  target::Receipt& request = sample.receive(ReceiptKind::request, connection, nonce);
  request.peer = peer;
  request.path = path;
}

TEST(Fetch, IsKnownByWhoAsksAndForWhat) {
  Sample sample = fetched();
  receive(sample, 1, istiod, "/jwks.json");
  const Row row = sample.row();
  EXPECT_TRUE(row.errors.empty()) << "nobody expects a probe's word of it";
  EXPECT_FALSE(row.probe.observed);
  EXPECT_TRUE(row.began_in_force);
  EXPECT_TRUE(row.control.allowed_before && row.control.allowed_after);
  ASSERT_NE(arrival(row.probe, row.cell.target), nullptr);
  EXPECT_EQ(arrival(row.probe, row.cell.target)->peer, std::string(istiod) + ":50001");
}

TEST(Fetch, IsNotWhatOthersAskFor) {
  Sample sample = fetched();
  receive(sample, 1, "203.0.113.11", "/jwks.json");
  receive(sample, 2, istiod, "/jwks.json", Sample::nonce("a probe's"));
  const Row row = sample.row();
  EXPECT_TRUE(row.probe.received.empty());
  receive(sample, 3, istiod, "/other");
  EXPECT_EQ(arrival(sample.row().probe, sample.row().cell.target), nullptr) << "another path";
  EXPECT_NE(touch(sample.row().probe, sample.row().cell.target), nullptr) << "its connection came to the target";
}

TEST(Fetch, ItsConnectionsAreNobodysElse) {
  Sample sample = fetched();
  receive(sample, 1, istiod, "/jwks.json");
  EXPECT_TRUE(sample.joined().unattributed.empty());
  sample.plan.cells.back().fetched = false;
  EXPECT_FALSE(sample.joined().unattributed.empty());
}

TEST(Fetch, TheNetworkPluginTellsWhatItDropped) {
  Sample sample = fetched();
  sample.plan.cells.back().pod = sample.plan.cells.back().via = "P3";
  const auto dropped = [&](const std::string& source, const std::string& destination) {
    policy::MeshRecord& record = sample.log();
    record.proxy = policy::network_witness("P3");
    record.details = policy::network_policy_drop;
    record.downstream = source;
    record.destination = destination;
  };
  dropped("203.0.113.13:41000", "198.51.100.99:80");
  EXPECT_TRUE(sample.row().probe.logged.empty()) << "another target";
  dropped("203.0.113.99:41000", "198.51.100.66:80");
  EXPECT_TRUE(sample.row().probe.logged.empty()) << "another pod";
  dropped(std::string(sample.collected.pod_addresses.at("P3").front()) + ":41000", "198.51.100.66:80");
  EXPECT_EQ(sample.row().probe.logged.size(), 1U);
}

}  // namespace
}  // namespace egressproof::evidence
