// What is going on, on standard error: one line that is rewritten on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "runner/run/pipeline.h"

namespace egressproof::cli {

class Progress {
 public:
  enum class Style { none, plain, rewriting };
  // quiet: none; else by what standard error is.
  static Style style_for(bool quiet);

  Progress(Style style, int width) : style_(style), width_(width), begun_(std::chrono::steady_clock::now()) {}
  ~Progress() { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void tell(run::Phase phase, const std::string& detail);
  void end();  // leaves the cursor on an empty line

 private:
  Style style_;
  int width_;
  std::chrono::steady_clock::time_point begun_;
  bool open_ = false;  // a rewritten line stands there
};

}  // namespace egressproof::cli
