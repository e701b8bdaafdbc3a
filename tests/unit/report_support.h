// Golden files and programs run by the tests of reports.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"

namespace egressproof::report::sample {

inline std::filesystem::path data_folder() {
  return std::filesystem::path(EGRESSPROOF_SOURCE_DIR) / "tests/unit/data/report";
}

// EGRESSPROOF_ACCEPT=1 writes the golden files anew.
inline void expect_golden(const std::string& name, const std::string& content) {
  const auto path = data_folder() / name;
  if (std::getenv("EGRESSPROOF_ACCEPT") != nullptr) {
    ASSERT_TRUE(write_file_atomically(path, content));
    return;
  }
  const auto golden = read_file(path);
  ASSERT_TRUE(golden) << golden.error().message;
  EXPECT_EQ(content, *golden) << "set EGRESSPROOF_ACCEPT=1 to accept";
}

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "egressproof-report-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Ran {
  int code = -1;
  std::string out;  // standard output and error
};

inline Ran run(const std::vector<std::string>& words) {
  const Folder folder;
  const std::string out = (folder.path() / "out").string();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return {-1, words[0] + " cannot be run"};
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return {-1, "waitpid failed"};
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out).value_or("")};
}

}  // namespace egressproof::report::sample
