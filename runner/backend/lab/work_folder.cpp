#include "runner/backend/lab/work_folder.h"

#include <fcntl.h>
#include <sys/file.h>

namespace egressproof::backend::lab {
namespace {

constexpr const char* prefix = "egressproof-";
constexpr const char* lock_name = "owner.lock";
constexpr const char* kept_name = "kept";

UniqueFd try_lock(const std::filesystem::path& folder, int flags) {
  UniqueFd fd(::open((folder / lock_name).c_str(), O_RDWR | O_CLOEXEC | flags, 0600));
  if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

}  // namespace

Result<WorkFolder> WorkFolder::create(const std::string& run_id) {
  std::error_code code;
  const std::filesystem::path path = std::filesystem::temp_directory_path(code) / (prefix + run_id);
  if (code || !std::filesystem::create_directory(path, code))
    return fail(ErrorKind::environment, "cannot create the work folder '" + path.string() + "': " + code.message());
  std::filesystem::permissions(path, std::filesystem::perms(0755), code);
  UniqueFd lock = try_lock(path, O_CREAT);
  if (!lock.valid()) return fail(ErrorKind::environment, "cannot lock the work folder '" + path.string() + "'");
  return WorkFolder(path, std::move(lock));
}

WorkFolder::~WorkFolder() {
  if (!lock_.valid()) return;  // moved from
  std::error_code ignored;
  if (kept_) {
    UniqueFd mark(::open((path_ / kept_name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    return;
  }
  std::filesystem::remove_all(path_, ignored);
}

Result<int> clean_leftovers() {
  std::error_code code;
  const std::filesystem::path tmp = std::filesystem::temp_directory_path(code);
  std::filesystem::directory_iterator entries(tmp, code);
  if (code) return fail(ErrorKind::environment, "cannot list '" + tmp.string() + "': " + code.message());
  int removed = 0;
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(prefix, 0) != 0 || !entry.is_directory(code)) continue;
    if (!std::filesystem::exists(entry.path() / lock_name, code)) continue;  // not one of ours, or being created
    if (std::filesystem::exists(entry.path() / kept_name, code)) continue;
    const UniqueFd lock = try_lock(entry.path(), 0);
    if (!lock.valid()) continue;  // its owner lives
    std::filesystem::remove_all(entry.path(), code);
    if (!code) ++removed;
  }
  return removed;
}

}  // namespace egressproof::backend::lab
