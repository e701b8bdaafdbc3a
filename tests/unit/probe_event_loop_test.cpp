#include "probe/event_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <optional>

#include "probe/stage_clock.h"

namespace egressproof::probe {
namespace {

using std::chrono::milliseconds;
using Clock = EventLoop::Clock;

std::pair<UniqueFd, UniqueFd> connected() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

TEST(EventLoop, TimersFireInTheirOrderAndNotBefore) {
  EventLoop loop;
  std::vector<int> fired;
  const auto begun = Clock::now();
  loop.at(begun + milliseconds(40), [&] { fired.push_back(2); });
  loop.at(begun + milliseconds(20), [&] { fired.push_back(1); });
  auto cancelled = loop.at(begun + milliseconds(30), [&] { fired.push_back(3); });
  loop.cancel(cancelled);
  while (fired.size() < 2) loop.turn();
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
  EXPECT_GE(Clock::now() - begun, milliseconds(40));
}

// A closed descriptor's number is given out again at once; its pending event is not the new one's.
TEST(EventLoop, AnEventOfThePreviousOwnerOfADescriptorIsNotTold) {
  EventLoop loop;
  auto [first, first_end] = connected();
  auto [second, second_end] = connected();
  int wrong = 0;
  bool timer = false;
  std::optional<std::pair<UniqueFd, UniqueFd>> reused;
  const auto replace = [&](UniqueFd& other) {
    const int number = other.get();
    loop.unwatch(number);
    other.reset();
    reused = connected();
    EXPECT_EQ(reused->first.get(), number);
    loop.watch(number, EPOLLIN, [&](std::uint32_t) { ++wrong; });
  };
  // Both are readable in the same turn; whichever is called first replaces the other.
  loop.watch(first.get(), EPOLLIN, [&](std::uint32_t) {
    if (!reused) replace(second);
    loop.unwatch(first.get());
  });
  loop.watch(second.get(), EPOLLIN, [&](std::uint32_t) {
    if (!reused) replace(first);
    loop.unwatch(second.get());
  });
  ASSERT_EQ(::write(first_end.get(), "x", 1), 1);
  ASSERT_EQ(::write(second_end.get(), "x", 1), 1);
  loop.at(Clock::now() + milliseconds(20), [&] { timer = true; });
  while (!timer) loop.turn();
  EXPECT_TRUE(reused);
  EXPECT_EQ(wrong, 0);
}

TEST(EventLoop, AWatchMayReplaceAndRemoveItself) {
  EventLoop loop;
  auto [fd, end] = connected();
  std::vector<int> calls;
  loop.watch(fd.get(), EPOLLIN, [&, number = fd.get()](std::uint32_t) {
    loop.watch(number, EPOLLOUT, [&, number](std::uint32_t) {
      loop.unwatch(number);
      calls.push_back(2);
    });
    calls.push_back(1);
  });
  ASSERT_EQ(::write(end.get(), "x", 1), 1);
  while (calls.size() < 2) loop.turn();
  EXPECT_EQ(calls, (std::vector<int>{1, 2}));
}

TEST(StageClock, EachStageHasItsOwnLimitAndTime) {
  EventLoop loop;
  StageLimits limits;
  limits.connect = milliseconds(5000);
  limits.tls = milliseconds(30);
  int expired = 0;
  StageClock clock(loop, limits, [&] { ++expired; });
  clock.enter(Stage::connect);
  bool waited = false;
  loop.at(Clock::now() + milliseconds(20), [&] { waited = true; });
  while (!waited) loop.turn();
  const auto begun = Clock::now();
  clock.enter(Stage::tls);
  clock.enter(Stage::tls);  // no new beginning
  while (expired == 0) loop.turn();
  EXPECT_GE(Clock::now() - begun, milliseconds(30));
  EXPECT_LT(Clock::now() - begun, milliseconds(2000)) << "the limit of the stage before counted on";
  clock.end(Code::tls_timeout);
  clock.enter(Stage::request);  // after the end nothing begins
  ASSERT_EQ(clock.stages().size(), 2U);
  EXPECT_EQ(clock.stages()[0].code, Code::ok);
  EXPECT_GE(clock.stages()[0].took, milliseconds(20));
  EXPECT_EQ(clock.stages()[1].stage, Stage::tls);
  EXPECT_EQ(clock.stages()[1].code, Code::tls_timeout);
  EXPECT_GE(clock.stages()[1].took, milliseconds(30));
}

TEST(StageClock, TheLimitOfAStageThatIsOverIsGone) {
  EventLoop loop;
  StageLimits limits;
  limits.connect = milliseconds(20);
  limits.tls = milliseconds(5000);
  int expired = 0;
  StageClock clock(loop, limits, [&] { ++expired; });
  clock.enter(Stage::connect);
  clock.enter(Stage::tls);
  bool waited = false;
  loop.at(Clock::now() + milliseconds(60), [&] { waited = true; });
  while (!waited) loop.turn();
  EXPECT_EQ(expired, 0);
}

}  // namespace
}  // namespace egressproof::probe
