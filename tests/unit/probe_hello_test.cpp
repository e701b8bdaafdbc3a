// ClientHellos of one version, and in several segments.
#include <atomic>

#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

Attempt over_tls(std::uint16_t port) {
  Attempt attempt = loopback::attempt_to(loopback::address(1), port);
  attempt.over_tls = true;
  attempt.sni = "a.test";
  return attempt;
}

TEST(Hello, OffersOneVersionAlone) {
  const loopback::Target target;
  for (const std::string version : {"1.2", "1.3"}) {
    Attempt attempt = over_tls(loopback::port);
    attempt.tls_version = version;
    const Observation seen = loopback::run_one(attempt, target.options());
    EXPECT_EQ(seen.code, Code::ok) << seen.detail;
    EXPECT_EQ(seen.tls_version, "TLSv" + version);
  }
}

TEST(Hello, ComesInSegmentsAndIsWhole) {
  const loopback::Target target;
  for (const int segments : {1, 2, 7, 64}) {
    Attempt attempt = over_tls(loopback::port);
    attempt.hello_segments = segments;
    const auto began = std::chrono::steady_clock::now();
    const Observation seen = loopback::run_one(attempt, target.options());
    EXPECT_EQ(seen.code, Code::ok) << segments << ": " << seen.detail;
    EXPECT_GE(std::chrono::steady_clock::now() - began, hello_pause * (segments - 1));
    const auto receipts = target.receipts(target::ReceiptKind::tls, attempt.nonce);
    ASSERT_EQ(receipts.size(), 1U);
    EXPECT_EQ(receipts[0].sni, "a.test");
  }
}

TEST(Hello, IsWrittenPieceByPiece) {
  std::atomic<int> reads{0};
  std::atomic<long> first{0};
  const loopback::Peer peer([&](int fd) {
    std::array<char, 4096> buffer{};
    long got = 0;
    while ((got = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0)
      if (++reads == 1) first = got;
  });
  Attempt attempt = over_tls(peer.port());
  attempt.address = "127.0.0.1";
  attempt.hello_segments = 4;
  attempt.limits.tls = std::chrono::milliseconds(1500);
  EXPECT_EQ(loopback::run_one(attempt).code, Code::tls_timeout);
  EXPECT_EQ(reads, 4);
  EXPECT_LT(first, 300);
}

TEST(Hello, TheLimitOfTheHandshakeHoldsWhileItIsWritten) {
  const loopback::Target target;
  Attempt attempt = over_tls(loopback::port);
  attempt.hello_segments = 64;
  attempt.limits.tls = std::chrono::milliseconds(200);
  EXPECT_EQ(loopback::run_one(attempt, target.options()).code, Code::tls_timeout);
}

}  // namespace
}  // namespace egressproof::probe
