// The folder of one run, and what dead runs left. Namespaces, processes, mounts and rules end by themselves with their
// last holder; a folder is all that can be left.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace egressproof::backend::lab {

// "<tmp>/egressproof-<run id>", locked while its owner lives, removed by the destructor unless kept.
class WorkFolder {
 public:
  // Errors: kind usage for a run id that is not of letters, digits and dashes; else environment.
  static Result<WorkFolder> create(const std::string& run_id);
  WorkFolder(WorkFolder&&) noexcept = default;
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // It stays, for people to read, until clean_leftovers(Leftovers::all).
  void keep();

 private:
  WorkFolder(std::filesystem::path path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  UniqueFd lock_;
  bool kept_ = false;
};

struct LiveRun {
  std::string run_id;
  std::filesystem::path path;
  int pid = 0;  // of its owner
};

// Runs of this user whose owner lives, by run id.
Result<std::vector<LiveRun>> live_runs();

enum class Leftovers { abandoned, all };  // all: kept ones too

// Removes the folders of this user's runs whose owner is dead; returns how many. Error: those that cannot be removed,
// after all others.
Result<int> clean_leftovers(Leftovers which = Leftovers::abandoned);

}  // namespace egressproof::backend::lab
