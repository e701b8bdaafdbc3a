#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/unique_fd.h"

namespace egressproof {

Result<std::string> read_file(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return tl::unexpected(system_error(ErrorKind::environment, "open('" + path.string() + "')"));
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0) return tl::unexpected(system_error(ErrorKind::environment, "read('" + path.string() + "')"));
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + "." + random_hex(4) + ".new";
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.valid()) return tl::unexpected(system_error(ErrorKind::environment, "open('" + temporary.string() + "')"));
  const auto give_up = [&](const std::string& call) {
    Error error = system_error(ErrorKind::environment, call + "('" + temporary.string() + "')");
    ::unlink(temporary.c_str());
    return tl::unexpected(std::move(error));
  };
  std::string_view rest = content;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd.get(), rest.data(), rest.size());
    if (written < 0) return give_up("write");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  fd.reset();
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up("rename");
  return {};
}

}  // namespace egressproof
