// What the probe says of ECH arrives at the target as such.
#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

TEST(Ech, ReceiptTellsTheExtensionAndTheOuterName) {
  const loopback::Target target;
  for (const bool ech : {true, false}) {
    Attempt attempt = loopback::attempt_to(loopback::address(1), loopback::port);
    attempt.over_tls = true;
    attempt.sni = "a.test";
    attempt.ech_extension = ech;
    const Observation seen = loopback::run_one(attempt, target.options());
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    const auto receipts = target.receipts(target::ReceiptKind::tls, attempt.nonce);
    ASSERT_EQ(receipts.size(), 1U);
    EXPECT_EQ(receipts[0].ech, ech);
    EXPECT_EQ(receipts[0].sni, "a.test");
  }
}

}  // namespace
}  // namespace egressproof::probe
