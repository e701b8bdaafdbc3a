#include "target/journal.h"

#include <fcntl.h>

#include <cerrno>
#include <iostream>

#include "base/json.h"
#include "target/codec.h"

namespace egressproof::target {
namespace {

std::chrono::microseconds now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

Result<JournalWriter> JournalWriter::create(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.valid()) return tl::unexpected(system_error(ErrorKind::environment, "open('" + path.string() + "')"));
  JournalWriter writer(path, std::move(fd));
  if (!writer.write_line(Json{{"type", "opened"}, {"at_us", now().count()}}.dump()))
    return fail(ErrorKind::environment, "write('" + path.string() + "'): the opening line could not be written");
  return writer;
}

bool JournalWriter::write_line(std::string line) {
  line += '\n';
  ssize_t written = -1;
  do written = fd_.valid() ? ::write(fd_.get(), line.data(), line.size()) : -1;
  while (written < 0 && fd_.valid() && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) return true;
  if (fd_.valid()) {
    // A part of a line is a full disk as well, though errno says nothing then.
    const Error error = system_error(ErrorKind::environment, "write('" + path_.string() + "')");
    std::cerr << "egressproof-target: " << (written < 0 ? to_string(error) : "write: a part of a line only")
              << "; from here on nothing is witnessed and nothing answered\n";
    fd_.reset();
  }
  return false;
}

std::uint64_t JournalWriter::write(Receipt receipt) {
  const std::lock_guard lock(mutex_);
  receipt.number = count_ + 1;
  if (receipt.at == std::chrono::microseconds(0)) receipt.at = now();
  if (!write_line(encode(receipt))) return 0;
  return ++count_;
}

void JournalWriter::trouble(const std::string& message) {
  const std::lock_guard lock(mutex_);
  write_line(Json{{"type", "trouble"}, {"message", message}}.dump());
}

void JournalWriter::close() {
  const std::lock_guard lock(mutex_);
  if (fd_.valid()) write_line(Json{{"type", "closed"}, {"count", count_}}.dump());
  fd_.reset();
}

}  // namespace egressproof::target
