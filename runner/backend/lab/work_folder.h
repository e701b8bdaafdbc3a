// The folder of one run, and what dead runs left. Namespaces, processes, mounts and rules end by themselves with their
// last holder; a folder is all that can be left.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace egressproof::backend::lab {

// Created as "<tmp>/egressproof-<run id>", locked while its owner lives, removed by the destructor unless kept.
class WorkFolder {
 public:
  static Result<WorkFolder> create(const std::string& run_id);
  WorkFolder(WorkFolder&&) noexcept = default;
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  WorkFolder(std::filesystem::path path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  UniqueFd lock_;
  bool kept_ = false;
};

// Removes the folders of runs whose owner is dead and that were not kept; returns how many.
Result<int> clean_leftovers();

}  // namespace egressproof::backend::lab
