// The writing side of the receipt journal.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "target/receipt.h"

namespace egressproof::target {

// Thread-safe. One write(2) a line, so that a reader never sees half of two lines mixed. After the first write that
// fails nothing is written any more: a journal that goes on after a loss would hide it.
class JournalWriter {
 public:
  static Result<JournalWriter> create(const std::filesystem::path& path);
  JournalWriter(JournalWriter&& other) noexcept : path_(std::move(other.path_)), fd_(std::move(other.fd_)) {}

  // Numbers the receipt, sets its time unless it has one, and writes it. Returns the number; 0: it could not be
  // written, so do not answer.
  std::uint64_t write(Receipt receipt);
  // Something that should have become a receipt could not; the reader counts it as an error of the journal.
  void trouble(const std::string& message);
  void close();  // the closing line, unless a write failed

 private:
  JournalWriter(std::filesystem::path path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  bool write_line(std::string line);  // mutex_ is held

  std::mutex mutex_;
  std::filesystem::path path_;
  UniqueFd fd_;  // invalid: closed, or a write failed
  std::uint64_t count_ = 0;
};

}  // namespace egressproof::target
