#include "target/journal.h"

#include <fcntl.h>

#include "base/json.h"
#include "target/codec.h"

namespace egressproof::target {
namespace {

std::chrono::microseconds now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
}

bool write_line(int fd, std::string line) {
  line += '\n';
  return ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

}  // namespace

Result<JournalWriter> JournalWriter::create(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.valid() || !write_line(fd.get(), Json{{"type", "opened"}, {"at_us", now().count()}}.dump()))
    return tl::unexpected(system_error(ErrorKind::environment, "open('" + path.string() + "')"));
  return JournalWriter(std::move(fd));
}

std::uint64_t JournalWriter::write(Receipt receipt) {
  const std::lock_guard lock(mutex_);
  receipt.number = count_ + 1;
  receipt.at = now();
  if (!write_line(fd_.get(), encode(receipt))) return 0;
  return ++count_;
}

void JournalWriter::close() {
  const std::lock_guard lock(mutex_);
  write_line(fd_.get(), Json{{"type", "closed"}, {"count", count_}}.dump());
  fd_.reset();
}

}  // namespace egressproof::target
