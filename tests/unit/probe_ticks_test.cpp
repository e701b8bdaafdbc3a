// Long-lived attempts: one connection, many ticks, and how it ends.
#include <thread>

#include "probe/codec.h"
#include "probe/ticker.h"
#include "tests/unit/probe_loopback.h"

namespace egressproof::probe {
namespace {

using namespace loopback;
using std::chrono::milliseconds;
using target::ReceiptKind;

Attempt ticking(const std::string& to, std::uint16_t port, Protocol protocol = Protocol::http1) {
  Attempt attempt = attempt_to(to, port, protocol);
  attempt.ticks = {milliseconds(10), milliseconds(400)};
  attempt.limits.response = milliseconds(1000);
  return attempt;
}

// Every tick has one receipt and one answer, all on one connection.
void expect_whole(const Observation& seen, const std::vector<target::Receipt>& receipts) {
  EXPECT_EQ(to_string(seen.code), "ok") << seen.detail;
  EXPECT_GE(seen.ticks.size(), 3U);
  ASSERT_EQ(receipts.size(), seen.ticks.size());
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    EXPECT_EQ(receipts[i].connection, receipts[0].connection);
    ASSERT_TRUE(seen.ticks[i].answered_after) << i;
    EXPECT_LE(seen.ticks[i].sent_at, receipts[i].at);
    EXPECT_LE(receipts[i].at, seen.ticks[i].sent_at + *seen.ticks[i].answered_after + milliseconds(1));
    if (i > 0) {
      EXPECT_GE(seen.ticks[i].sent_at - seen.ticks[i - 1].sent_at, milliseconds(9)) << i;
    }
  }
  ASSERT_TRUE(seen.answer);
  EXPECT_EQ(seen.answer->receipt, receipts.back().number) << "the newest answer is told";
}

TEST(Ticks, AreRequestsOnOneConnection) {
  const Target target;
  const Attempt attempt = ticking(address(1), port);
  const Observation seen = run_one(attempt, target.options());
  const auto receipts = target.receipts(ReceiptKind::request, attempt.nonce);
  expect_whole(seen, receipts);
  EXPECT_EQ(seen.http_status, 200);
  ASSERT_FALSE(receipts.empty());
  EXPECT_EQ(receipts.back().path, "/r/" + attempt.nonce + "?tick=" + std::to_string(receipts.size()));
}

TEST(Ticks, AreLinesWithinTls) {
  const Target target;
  Attempt attempt = ticking(address(1), port, Protocol::tcp);
  attempt.over_tls = true;
  attempt.sni = "a.test";
  const Observation seen = run_one(attempt, target.options());
  const auto receipts = target.receipts(ReceiptKind::payload, attempt.nonce);
  expect_whole(seen, receipts);
  ASSERT_FALSE(receipts.empty());
  EXPECT_EQ(receipts[1].payload, "egressproof " + attempt.nonce + " tick 2\n");
}

TEST(Ticks, AreLinesAfterAnUpgrade) {
  const Target target;
  Attempt attempt = ticking(address(1), port);
  attempt.path = "/upgrade/{nonce}";
  attempt.headers = {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}};
  const Observation seen = run_one(attempt, target.options());
  EXPECT_EQ(to_string(seen.code), "ok") << seen.detail;
  EXPECT_EQ(seen.http_status, 101);
  ASSERT_GE(seen.ticks.size(), 3U);
  EXPECT_EQ(seen.ticks[0].status, 101);
  EXPECT_EQ(seen.ticks[1].status, 0);
  EXPECT_EQ(target.receipts(ReceiptKind::request, attempt.nonce).size(), 1U);
  EXPECT_EQ(target.receipts(ReceiptKind::payload, attempt.nonce).size(), seen.ticks.size() - 1);
}

TEST(Ticks, GoOnWhateverTheStatusIs) {
  int requests = 0;
  const Peer peer([&](int fd) {
    while (Peer::read_to(fd, "\r\n\r\n").find("\r\n\r\n") != std::string::npos)
      Peer::write_all(fd, ++requests == 1 ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                          : "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
  });
  const Observation seen = run_one(ticking("127.0.0.1", peer.port()));
  EXPECT_EQ(to_string(seen.code), "ok") << seen.detail;
  EXPECT_EQ(seen.http_status, 502);
  ASSERT_GE(seen.ticks.size(), 3U);
  EXPECT_EQ(seen.ticks[0].status, 200);
  EXPECT_EQ(seen.ticks[1].status, 502);
}

TEST(Ticks, EndWhenThatIsAskedFor) {
  const Target target;
  Attempt attempt = ticking(address(1), port);
  attempt.ticks->lasting = milliseconds(60'000);
  std::jthread asks([&] {
    while (target.receipts(ReceiptKind::request, attempt.nonce).size() < 3)
      std::this_thread::sleep_for(milliseconds(1));
    end_ticks();
  });
  const Observation seen = run_one(attempt, target.options());
  asks.join();
  expect_whole(seen, target.receipts(ReceiptKind::request, attempt.nonce));
  EXPECT_LT(seen.finished_at - seen.ticks[0].sent_at, milliseconds(30'000));
  allow_ticks();
  attempt.ticks->lasting = milliseconds(100);
  attempt.nonce = std::string(32, 'b');
  EXPECT_GE(run_one(attempt, target.options()).ticks.size(), 3U) << "the next batch's go on";
}

TEST(Ticks, EndWithTheConnection) {
  const auto twice_then = [](const std::function<void(int)>& end) {
    return [end](int fd) {
      for (int i = 0; i < 2; ++i) {
        Peer::read_to(fd, "\r\n\r\n");
        Peer::write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
      end(fd);
    };
  };
  const Peer closing(twice_then([](int) {}));
  const Observation closed = run_one(ticking("127.0.0.1", closing.port()));
  EXPECT_EQ(to_string(closed.code), "response_closed");
  EXPECT_EQ(closed.ticks.size(), 2U);
  EXPECT_TRUE(closed.ticks.back().answered_after);

  const Peer resetting(twice_then([](int fd) {
    Peer::read_to(fd, "\r\n\r\n");
    Peer::reset(fd);
  }));
  const Observation reset = run_one(ticking("127.0.0.1", resetting.port()));
  EXPECT_EQ(to_string(reset.code), "response_reset") << reset.detail;
  ASSERT_EQ(reset.ticks.size(), 3U);
  EXPECT_FALSE(reset.ticks.back().answered_after);

  const Peer silent(twice_then(Peer::hold));
  const Observation timed_out = run_one(ticking("127.0.0.1", silent.port()));
  EXPECT_EQ(to_string(timed_out.code), "response_timeout");
  ASSERT_EQ(timed_out.ticks.size(), 3U) << "none is sent while one awaits its answer";
  EXPECT_FALSE(timed_out.ticks.back().answered_after);
  EXPECT_GE(timed_out.finished_at - timed_out.ticks.back().sent_at, milliseconds(299));
}

TEST(Ticks, AnswersThatNobodyAskedForAreNoAnswers) {
  const Peer peer([](int fd) {
    Peer::read_to(fd, "\r\n\r\n");
    Peer::write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ::poll(nullptr, 0, 5);
    Peer::write_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    Peer::hold(fd);
  });
  Attempt attempt = ticking("127.0.0.1", peer.port());
  attempt.ticks->every = milliseconds(90);
  EXPECT_EQ(to_string(run_one(attempt).code), "protocol_error");
}

}  // namespace
}  // namespace egressproof::probe
