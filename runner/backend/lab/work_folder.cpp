#include "runner/backend/lab/work_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "base/files.h"
#include "runner/process/start_time.h"

namespace egressproof::backend::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* prefix = "egressproof-";
constexpr const char* partial_suffix = ".partial";
constexpr const char* lock_name = "owner.lock";  // holds the owner's pid
constexpr const char* kept_name = "kept";

UniqueFd try_lock(const fs::path& folder, int flags) {
  UniqueFd fd(::open((folder / lock_name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

// A folder has its name only while it is whole and locked. While it is being made or removed it is
// "NAME.PID.START.partial": that the process which does so is dead can be told without a lock.
fs::path partial(const fs::path& path) {
  return path.string() + "." + std::to_string(::getpid()) + "." + process::start_time(::getpid()) + partial_suffix;
}

bool worker_is_dead(const std::string& name) {
  const std::size_t end = name.size() - std::string(partial_suffix).size();
  const std::size_t start = name.rfind('.', end - 1);
  const std::size_t pid = start == std::string::npos ? start : name.rfind('.', start - 1);
  if (pid == std::string::npos) return false;  // not of our making
  return process::start_time(std::atoi(name.c_str() + pid + 1)) != name.substr(start + 1, end - start - 1);
}

// Does not stop half-way under the folder's name: the lock is one of the first files to go.
std::error_code remove_whole(const fs::path& path) {
  std::error_code code;
  const fs::path doomed = partial(path);
  fs::rename(path, doomed, code);
  if (!code) fs::remove_all(doomed, code);
  return code;
}

struct Folder {
  fs::path path;
  std::string name;
  bool whole = true;
};

// Of this user only: another's run is not ours to judge, and /tmp is everybody's.
Result<std::vector<Folder>> folders() {
  std::error_code code;
  const fs::path tmp = fs::temp_directory_path(code);
  fs::directory_iterator entries(tmp, code);
  if (code) return fail(ErrorKind::environment, "cannot list '" + tmp.string() + "': " + code.message());
  std::vector<Folder> found;
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    struct stat status {};
    if (name.rfind(prefix, 0) != 0 || ::lstat(entry.path().c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != ::geteuid())
      continue;
    const std::string suffix = partial_suffix;
    const bool whole =
        name.size() < suffix.size() || name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0;
    found.push_back({entry.path(), name, whole});
  }
  return found;
}

}  // namespace

Result<WorkFolder> WorkFolder::create(const std::string& run_id) {
  const bool simple =
      std::all_of(run_id.begin(), run_id.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
  if (run_id.empty() || !simple)
    return fail(ErrorKind::usage, "run id '" + run_id + "' is not of letters, digits and dashes");
  std::error_code code;
  const fs::path path = fs::temp_directory_path(code) / (prefix + run_id);
  const fs::path made = partial(path);
  const auto failed = [&](const std::string& reason) {
    return fail(ErrorKind::environment, "cannot create the work folder '" + path.string() + "': " + reason);
  };
  if (code || !fs::create_directory(made, code)) return failed(code ? code.message() : "it is being created");
  const auto give_up = [&](const std::string& reason) {
    std::error_code ignored;
    fs::remove_all(made, ignored);
    return failed(reason);
  };
  fs::permissions(made, fs::perms(0755), code);
  UniqueFd lock = try_lock(made, O_CREAT);
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (code || !lock.valid() || ::write(lock.get(), pid.data(), pid.size()) != static_cast<ssize_t>(pid.size()))
    return give_up("cannot lock it");
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)
    return give_up(system_error(ErrorKind::environment, "renameat2()").message);
  return WorkFolder(path, std::move(lock));
}

WorkFolder::~WorkFolder() {
  if (!lock_.valid()) return;  // moved from
  if (!kept_) remove_whole(path_);
}

void WorkFolder::keep() {
  kept_ = true;
  // At once, so that it also stays when this process is killed.
  const UniqueFd mark(::open((path_ / kept_name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

Result<std::vector<LiveRun>> live_runs() {
  auto found = folders();
  if (!found) return tl::unexpected(found.error());
  std::vector<LiveRun> runs;
  for (const Folder& folder : *found) {
    if (!folder.whole) continue;
    const auto pid = read_file(folder.path / lock_name);
    if (!pid || try_lock(folder.path, 0).valid()) continue;  // no run, or nobody holds it
    runs.push_back({folder.name.substr(std::string(prefix).size()), folder.path, std::atoi(pid->c_str())});
  }
  std::sort(runs.begin(), runs.end(), [](const LiveRun& a, const LiveRun& b) { return a.run_id < b.run_id; });
  return runs;
}

Result<int> clean_leftovers(Leftovers which) {
  auto found = folders();
  if (!found) return tl::unexpected(found.error());
  int removed = 0;
  std::string problems;
  for (const Folder& folder : *found) {
    std::error_code code;
    UniqueFd lock;  // held while it is removed, so that two cleaners do not meet
    if (folder.whole) {
      if (!fs::exists(folder.path / lock_name, code)) continue;  // not one of ours
      if (which == Leftovers::abandoned && fs::exists(folder.path / kept_name, code)) continue;
      lock = try_lock(folder.path, 0);
      if (!lock.valid()) continue;  // its owner lives
    } else if (!worker_is_dead(folder.name)) {
      continue;
    }
    if (folder.whole)
      code = remove_whole(folder.path);
    else
      fs::remove_all(folder.path, code);
    if (code)
      problems += (problems.empty() ? "" : ", ") + ("'" + folder.path.string() + "': ") + code.message();
    else
      ++removed;
  }
  if (!problems.empty()) return fail(ErrorKind::environment, "cannot remove what dead runs left: " + problems);
  return removed;
}

}  // namespace egressproof::backend::lab
