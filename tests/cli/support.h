// The real program, from the outside.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "runner/process/child.h"

namespace egressproof::cli {

inline const std::string program = EGRESSPROOF_BINARY_DIR "/egressproof";
inline const std::string small_suite = EGRESSPROOF_SOURCE_DIR "/tests/cli/data/small";

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A folder of its own for each test, removed with it.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "egressproof-cli-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] bool has(const std::string& name) const { return std::filesystem::exists(path_ / name); }
  [[nodiscard]] std::string read(const std::string& name) const { return content_of(path_ / name); }
  // Returns the path.
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name) << content;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline process::Command command(const std::vector<std::string>& arguments) {
  process::Command made;
  made.argv = {program};
  made.argv.insert(made.argv.end(), arguments.begin(), arguments.end());
  made.env = {{"HOME", "/nonexistent"}};
  return made;
}

struct Ended {
  int code = -1;  // -1: no exit
  std::string out, err;
};

inline Ended run(process::Command made) {
  const auto finished = process::run(std::move(made), std::chrono::seconds(60));
  if (!finished) {
    ADD_FAILURE() << to_string(finished.error());
    return {};
  }
  const auto* exited = std::get_if<process::Exited>(&finished->how);
  if (exited == nullptr) ADD_FAILURE() << process::to_string(finished->how) << "\n" << finished->err;
  return {exited == nullptr ? -1 : exited->code, finished->out, finished->err};
}

inline Ended run(const std::vector<std::string>& arguments) { return run(command(arguments)); }

// `run` on the small suite in the fake world, with faults and more arguments.
inline Ended run_small(const Scratch& scratch, const std::string& faults, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"run", small_suite, "--backend", "fake", "--in-force-within", "1"};
  if (!faults.empty()) {
    arguments.emplace_back("--fake");
    arguments.push_back(scratch.write("faults.json", faults));
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run(arguments);
}

}  // namespace egressproof::cli
