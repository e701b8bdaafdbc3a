// Waiting for a state, never for time.
#pragma once

#include <poll.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "base/files.h"
#include "base/result.h"

namespace egressproof::backend::lab {

// Polls until `missing` returns nothing. Error kind environment: what was still missing. `every`: longer where asking
// costs more than waiting.
template <class Missing>
Result<void> await(std::chrono::milliseconds limit, Missing missing,
                   std::chrono::milliseconds every = std::chrono::milliseconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const std::string what = missing();
    if (what.empty()) return {};
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(ErrorKind::environment, "not ready within " + std::to_string(limit.count()) + " ms: " + what);
    ::poll(nullptr, 0, static_cast<int>(every.count()));
  }
}

// The end of a log, for an error; empty if it cannot be read.
inline std::string last_lines(const std::filesystem::path& file) {
  constexpr std::size_t most = 1500;
  auto text = read_file(file);
  if (!text) return {};
  return text->size() > most ? text->substr(text->size() - most) : *text;
}

}  // namespace egressproof::backend::lab
