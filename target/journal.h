// The writing side of the receipt journal.
#pragma once

#include <filesystem>
#include <mutex>

#include "base/result.h"
#include "base/unique_fd.h"
#include "target/receipt.h"

namespace egressproof::target {

// Thread-safe. One write(2) a line, so that a reader never sees half of two lines mixed.
class JournalWriter {
 public:
  static Result<JournalWriter> create(const std::filesystem::path& path);
  JournalWriter(JournalWriter&& other) noexcept : fd_(std::move(other.fd_)) {}

  // Numbers the receipt, sets its time and writes it. Returns the number; 0: it could not be written, so do not answer.
  std::uint64_t write(Receipt receipt);
  void close();  // the closing line

 private:
  explicit JournalWriter(UniqueFd fd) : fd_(std::move(fd)) {}
  std::mutex mutex_;
  UniqueFd fd_;
  std::uint64_t count_ = 0;
};

}  // namespace egressproof::target
