#include "runner/cli/progress.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "runner/cli/terminal.h"

namespace egressproof::cli {

Progress::Style Progress::style_for(bool quiet) {
  if (quiet) return Style::none;
  return is_terminal(STDERR_FILENO) ? Style::rewriting : Style::plain;
}

namespace {

// Shares of a run of the whole suite in the lab, in percent, by phase.
constexpr std::array<int, 9> shares = {34, 4, 24, 5, 14, 5, 8, 4, 2};
constexpr double step_share = 0.25;  // of what is left of its phase, for each step within it

int share_before(std::size_t phase) {
  int sum = 0;
  for (std::size_t i = 0; i < phase; ++i) sum += shares[i];
  return sum;
}

}  // namespace

void Estimate::tell(run::Phase phase, bool step) {
  const auto index = static_cast<std::size_t>(phase);
  if (index >= shares.size()) return;
  const double begin = part_begin_ + part_share_ * share_before(index) / 100.0;
  const double end = begin + part_share_ * shares[index] / 100.0;
  if (!step)
    done_ = std::max(done_, begin);
  else
    done_ = std::max(done_, done_ + (end - done_) * step_share);
}

void Estimate::begin_part(std::size_t number, std::size_t of) {
  part_share_ = 1.0 / static_cast<double>(of);
  part_begin_ = static_cast<double>(number - 1) * part_share_;
  done_ = std::max(done_, part_begin_);
}

std::string Estimate::left(double elapsed_seconds) const {
  constexpr double enough = 0.1;
  if (done_ < enough) return "";
  const double seconds = elapsed_seconds * (1 - done_) / done_;
  return seconds < 90 ? fmt::format("{:.0f} s", std::max(1.0, seconds)) : fmt::format("{:.0f} min", seconds / 60);
}

std::string bar_line(const Estimate& estimate, double elapsed_seconds, const std::string& text, int width) {
  constexpr std::size_t cells = 20;
  const auto full = static_cast<std::size_t>(estimate.done() * cells);
  const std::string left = estimate.left(elapsed_seconds);
  std::string line =
      fmt::format("[{}{}] {:3.0f} %, {:.1f} s{}: {}", std::string(full, '#'), std::string(cells - full, '-'),
                  estimate.done() * 100, elapsed_seconds, left.empty() ? "" : ", about " + left + " left", text);
  const auto most = static_cast<std::size_t>(std::max(20, width - 1));
  if (line.size() > most) line.resize(most);
  return line;
}

void Progress::tell(run::Phase phase, const std::string& detail) {
  if (style_ == Style::none) return;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  const std::string text = before_ + part_ + run::to_string(phase) + (detail.empty() ? "" : ": " + detail);
  if (style_ == Style::plain) {
    std::cerr << fmt::format("[{:6.1f} s] {}\n", elapsed, text);
    return;
  }
  estimate_.tell(phase, !detail.empty());
  std::cerr << "\r\x1b[K" << bar_line(estimate_, elapsed, text, width_) << std::flush;
  open_ = true;
}

void Progress::begin_part(std::size_t number, std::size_t of, const std::vector<std::string>& profiles) {
  part_ = fmt::format("world {} of {}, ", number, of);
  estimate_.begin_part(number, of);
  tell(run::Phase::open, fmt::format("{}", fmt::join(profiles, ", ")));
}

void Progress::end() {
  if (open_) std::cerr << "\r\x1b[K" << std::flush;
  open_ = false;
}

}  // namespace egressproof::cli
