// Child processes, each with one owner whose destructor ends it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace egressproof::process {

struct Exited {
  int code = 0;
};
struct Signaled {
  int signal = 0;
};
struct TimedOut {
  std::chrono::milliseconds limit{};
};
using Termination = std::variant<Exited, Signaled, TimedOut>;

// "exit code 3", "signal 9", "no end within 500 ms".
std::string to_string(const Termination& how);

struct Command {
  std::vector<std::string> argv;           // argv[0] is searched in PATH; never a shell string
  std::map<std::string, std::string> env;  // all of the environment, plus PATH
  std::filesystem::path chdir;             // empty: this one
  // Descriptors that become the child's 0, 1, 2; borrowed; -1: /dev/null.
  int in = -1, out = -1, err = -1;
};

// One process in a process group of its own, which is killed when the owner goes. Move-only. It is also killed when
// this process ends, however it ends, but not when the thread that started it does.
class Child {
 public:
  // From any thread. Error kind environment: the program is not there or cannot be executed.
  static Result<Child> start(const Command& command);
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();  // SIGKILL to the group, reap

  [[nodiscard]] pid_t pid() const;
  // How it ended, if it did within `limit`.
  std::optional<Termination> wait(std::chrono::milliseconds limit);
  // Without waiting.
  std::optional<Termination> ended() { return wait(std::chrono::milliseconds(0)); }
  void signal(int number);  // to the group
  // SIGTERM, at most `grace`, SIGKILL, reap.
  Termination stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  static Result<Child> fork_and_exec(const Command& command);
  explicit Child(std::unique_ptr<Impl> impl);
};

struct Finished {
  Termination how;
  std::string out, err;
};

// Runs to the end; standard streams of `command` are ignored. A non-zero exit is not an Error.
Result<Finished> run(Command command, std::chrono::milliseconds limit, std::string_view input = {});

// run(), and any end but exit code 0 is an Error (kind environment) that shows the command and its last error lines.
Result<std::string> run_checked(const Command& command, std::chrono::milliseconds limit, std::string_view input = {});

}  // namespace egressproof::process
