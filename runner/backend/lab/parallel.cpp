#include "runner/backend/lab/parallel.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace egressproof::backend::lab {
namespace {
// The work mostly waits for small programs: a few more than there are processors, and few enough for 200 pods.
constexpr unsigned extra_threads = 4;
}  // namespace

Result<void> in_parallel(std::size_t count, const std::function<Result<void>(std::size_t)>& work) {
  std::vector<std::optional<Error>> errors(count);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  const std::size_t width = std::min<std::size_t>(count, std::thread::hardware_concurrency() + extra_threads);
  for (std::size_t i = 0; i < width; ++i)
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < count; at = next++)
        if (auto done = work(at); !done) errors[at] = done.error();
    });
  for (std::thread& thread : threads) thread.join();
  for (auto& error : errors)
    if (error) return tl::unexpected(std::move(*error));
  return {};
}

}  // namespace egressproof::backend::lab
