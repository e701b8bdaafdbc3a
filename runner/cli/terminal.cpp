#include "runner/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "runner/cli/exit_code.h"

namespace egressproof::cli {

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

bool use_colour(const std::string& when, int descriptor) {
  if (when == "always") return true;
  if (when == "never" || !is_terminal(descriptor)) return false;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

int terminal_width(int descriptor) {
  constexpr int without_terminal = 120;
  winsize size{};
  if (!is_terminal(descriptor) || ::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return without_terminal;
  return size.ws_col;
}

void complain(const std::string& message) { std::cerr << "egressproof: " << message << '\n'; }

int fail_with(const Error& error) {
  complain(to_string(error));
  return run::exit_code_of(error.kind);
}

}  // namespace egressproof::cli
