// What is going on, on standard error: one line that is rewritten on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "runner/run/pipeline.h"

namespace egressproof::cli {

// How much of a run is done, by what its phases take in the lab. Pure.
class Estimate {
 public:
  // A phase begins, or makes another step.
  void tell(run::Phase phase, bool step);
  // One of several worlds begins, counted from 1; each has the same share.
  void begin_part(std::size_t number, std::size_t of);
  [[nodiscard]] double done() const { return done_; }  // 0 to 1; never goes back
  // "3 s", "2 min"; empty while too little is done to tell.
  [[nodiscard]] std::string left(double elapsed_seconds) const;

 private:
  double done_ = 0;
  double part_begin_ = 0, part_share_ = 1;
};

// "[####------]  40 %, 3 s left: probes: 30 cells", `width` columns at most.
std::string bar_line(const Estimate& estimate, double elapsed_seconds, const std::string& text, int width);

class Progress {
 public:
  enum class Style { none, plain, rewriting };
  // quiet: none; else by what standard error is.
  static Style style_for(bool quiet);

  // `before` stands before what each line tells: "run 2 of 5, ".
  Progress(Style style, int width, std::string before = {})
      : style_(style), width_(width), before_(std::move(before)), begun_(std::chrono::steady_clock::now()) {}
  ~Progress() { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void tell(run::Phase phase, const std::string& detail);
  // One of several worlds begins, with these profiles.
  void begin_part(std::size_t number, std::size_t of, const std::vector<std::string>& profiles);
  void end();  // leaves the cursor on an empty line

 private:
  Style style_;
  int width_;
  std::string before_;
  std::string part_ = {};  // "world 2 of 3, "
  Estimate estimate_;
  std::chrono::steady_clock::time_point begun_;
  bool open_ = false;  // a rewritten line stands there
};

}  // namespace egressproof::cli
