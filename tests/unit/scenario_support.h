// Folders with scenario files for the tests of the loader.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "runner/scenario/loader.h"

namespace egressproof::scenario::testing {

inline const std::filesystem::path data = std::filesystem::path(EGRESSPROOF_SOURCE_DIR) / "tests/unit/data/scenario";

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// A temporary folder; messages are told relative to it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "egressproof-scenario-XXXXXX").string();
    path_ = ::mkdtemp(name.data()) == nullptr ? "" : name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  void copy(const std::filesystem::path& from) const {
    std::filesystem::copy(from, path_, std::filesystem::copy_options::recursive);
  }
  void write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  [[nodiscard]] std::string read(const std::string& name) const { return content_of(path_ / name); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  [[nodiscard]] Loaded load() const { return scenario::load({path_.string()}); }
  // All messages as a user sees them, but for the folder's own name.
  [[nodiscard]] std::string messages(const Loaded& loaded) const {
    std::string text;
    for (const Diagnostic& one : loaded.diagnostics) text += render(one);
    for (const std::string& prefix : {path_.string() + "/", path_.string()})
      for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at))
        text.replace(at, prefix.size(), prefix.ends_with('/') ? "" : ".");
    return text;
  }

 private:
  std::filesystem::path path_;
};

const std::string divider = "====\n";

// A file of data/scenario/invalid edits a copy of data/scenario/valid:
//   @ profiles.yaml        the file that the following lines edit; created if it is not there
//   - text                 lines that stand there, exactly once
//   + text                 what stands there instead; without "-": the whole content
//   ! profiles.yaml        the file is removed
//   ====                   then the messages, complete
struct Edit {
  std::string file, before, after;
  bool has_before = false;
};

inline void apply(const Folder& folder, const Edit& edit) {
  if (edit.file.empty()) return;
  if (!edit.has_before) return folder.write(edit.file, edit.after);
  std::string text = folder.read(edit.file);
  const std::size_t at = text.find(edit.before);
  ASSERT_NE(at, std::string::npos) << edit.file << " lacks:\n" << edit.before;
  ASSERT_EQ(text.find(edit.before, at + 1), std::string::npos) << edit.file << " has twice:\n" << edit.before;
  folder.write(edit.file, text.replace(at, edit.before.size(), edit.after));
}

inline void apply_all(const Folder& folder, const std::string& edits) {
  std::istringstream lines(edits);
  std::string line;
  Edit edit;
  char last = '@';
  while (std::getline(lines, line)) {
    const char kind = line.empty() ? ' ' : line[0];
    const std::string rest = line.size() > 2 ? line.substr(2) : "";
    if (kind == '@' || kind == '!' || (kind == '-' && last == '+')) {
      apply(folder, edit);
      edit = {kind == '@' ? rest : kind == '-' ? edit.file : "", "", "", false};
    }
    if (kind == '!') std::filesystem::remove(folder.path() / rest);
    if (kind == '-') {
      edit.before += rest + "\n";
      edit.has_before = true;
    }
    if (kind == '+') edit.after += rest + "\n";
    last = kind;
  }
  apply(folder, edit);
}

inline void make_mistake(const Folder& folder, const std::filesystem::path& mistake) {
  folder.copy(data / "valid");
  const std::string content = content_of(mistake);
  apply_all(folder, content.substr(0, content.find(divider)));
}

}  // namespace egressproof::scenario::testing
