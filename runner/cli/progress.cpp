#include "runner/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "runner/cli/terminal.h"

namespace egressproof::cli {

Progress::Style Progress::style_for(bool quiet) {
  if (quiet) return Style::none;
  return is_terminal(STDERR_FILENO) ? Style::rewriting : Style::plain;
}

void Progress::tell(run::Phase phase, const std::string& detail) {
  if (style_ == Style::none) return;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  std::string line =
      fmt::format("[{:6.1f} s] {}{}{}", elapsed, run::to_string(phase), detail.empty() ? "" : ": ", detail);
  if (style_ == Style::plain) {
    std::cerr << line << '\n';
    return;
  }
  const auto most = static_cast<std::size_t>(std::max(20, width_ - 1));
  if (line.size() > most) line.resize(most);
  std::cerr << "\r\x1b[K" << line << std::flush;
  open_ = true;
}

void Progress::end() {
  if (open_) std::cerr << "\r\x1b[K" << std::flush;
  open_ = false;
}

}  // namespace egressproof::cli
