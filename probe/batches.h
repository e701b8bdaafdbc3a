// The runner's lines in, the probe's lines out, whatever carries them: see codec.h.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "probe/attempt.h"
#include "probe/engine.h"

namespace egressproof::probe {

// The "type" of a line; "" if it has none.
std::string type_of(std::string_view line);

class Batches {
 public:
  // `tell` gets each line without its newline. `options.parallel` is that of each batch's first line.
  Batches(EngineOptions options, std::function<void(const std::string&)> tell)
      : options_(std::move(options)), tell_(std::move(tell)) {}

  // A "run" returns after the closing record.
  void take(const std::string& line);
  void end();  // nothing more comes

 private:
  void reset();
  void problem(int column, const std::string& message) const;
  void begin(const std::string& line);
  void add(const std::string& line);
  void run(const std::string& line);

  EngineOptions options_;
  std::function<void(const std::string&)> tell_;
  bool open_ = false;
  std::string name_;
  std::vector<Attempt> attempts_;
  std::set<std::uint64_t> sequences_;
  std::set<std::string> nonces_;
  int line_ = 0;  // of the batch
};

}  // namespace egressproof::probe
