// What makes no connection: it leaves past the sidecar, and only NetworkPolicy stops it, datagram by datagram.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/crypto.h"
#include "runner/policy/network_drop.h"
#include "tests/lab/support.h"

namespace egressproof::backend::lab {
namespace {

using probe::Code;
using probe::Protocol;

probe::Attempt datagram(std::uint64_t sequence, Protocol protocol, std::uint16_t port) {
  probe::Attempt attempt;
  attempt.sequence = sequence;
  attempt.nonce = random_hex(16);
  attempt.protocol = protocol;
  attempt.address = sink_address;
  attempt.port = port;
  attempt.payload = "egressproof {nonce}\n";
  attempt.limits.response = std::chrono::milliseconds(1500);
  return attempt;
}

bool arrived(const target::Journal& journal, const probe::Attempt& attempt, target::ReceiptKind kind) {
  return std::any_of(journal.receipts.begin(), journal.receipts.end(), [&](const target::Receipt& one) {
    return one.nonce == attempt.nonce && one.kind == kind && one.fixture == "sink";
  });
}

TEST(LabDatagramsTest, OnlyNetworkPolicyStopsThem) {
  const auto backend = make(settings());
  const auto capabilities = backend->detect();
  if (!capabilities) GTEST_SKIP() << to_string(capabilities.error());
  for (const char* feature : {"udp", "icmp", "network-policy"})
    if (!capabilities->features.contains(feature)) GTEST_SKIP() << "the lab has no " << feature << " here";
  Blueprint plan = blueprint();
  plan.profiles = {profile("P0", "plain", scenario::Mesh::none), profile("P2", "closed", scenario::Mesh::sidecar),
                   profile("P7", "walled", scenario::Mesh::sidecar)};
  for (const char* pod : {"P2", "P7"}) {
    ExtraProbe raw{pod, std::string(pod) + "@raw", 0, 0};
    raw.capabilities = {"NET_RAW"};
    plan.extra_probes.push_back(raw);
  }
  auto world = backend->open(plan, {});
  ASSERT_TRUE(world) << to_string(world.error());
  policy::Generation generation;
  generation.number = 1;
  generation.manifests =
      sidecar("closed") + sidecar("walled") +
      "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: none, namespace: "
      "walled}\nspec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: "
      "{matchLabels: {kubernetes.io/metadata.name: istio-system}}}]}]}\n";
  const auto applied = (*world)->apply(generation, {});
  ASSERT_TRUE(applied) << to_string(applied.error());

  std::map<std::string, std::vector<probe::Attempt>> batches;
  for (const char* pod : {"P0", "P2", "P7"})
    batches[pod] = {datagram(1, Protocol::udp, 53), datagram(2, Protocol::icmp, 0)};
  for (const char* pod : {"P2@raw", "P7@raw"}) batches[pod] = {datagram(1, Protocol::syn, 443)};
  const auto results = (*world)->attempt(batches);
  ASSERT_TRUE(results) << to_string(results.error());
  const auto journal = (*world)->receipts();
  const auto records = (*world)->mesh_records();
  ASSERT_TRUE(journal && records);
  for (const auto& [name, attempts] : batches)
    for (const probe::Attempt& attempt : attempts) {
      const std::string what = name + " " + probe::to_string(attempt.protocol);
      const bool walled = name.starts_with("P7");
      const probe::Observation& seen = results->at(name).observations.at(attempt.sequence);
      EXPECT_EQ(seen.code, walled ? Code::response_timeout : Code::ok) << what << ": " << seen.detail;
      EXPECT_EQ(arrived(*journal, attempt, target::ReceiptKind::packet), !walled) << what;
      if (attempt.protocol == Protocol::udp) {
        EXPECT_EQ(arrived(*journal, attempt, target::ReceiptKind::payload), !walled) << what;
      }
      const auto own = std::count_if(records->begin(), records->end(), [&](const policy::MeshRecord& one) {
        return one.downstream == seen.local && one.destination == seen.peer;
      });
      EXPECT_EQ(own, walled ? 1 : 0) << what << " from " << seen.local;
    }
  for (const policy::MeshRecord& one : *records) EXPECT_EQ(one.proxy, policy::network_witness("P7")) << one.line;
  EXPECT_TRUE((*world)->close());
}

}  // namespace
}  // namespace egressproof::backend::lab
