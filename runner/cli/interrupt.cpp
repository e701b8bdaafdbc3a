#include "runner/cli/interrupt.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

namespace egressproof::cli {
namespace {

volatile std::sig_atomic_t first_signal = 0;

void on_signal(int number) {
  if (first_signal != 0) {
    std::signal(number, SIG_DFL);
    ::raise(number);
    return;
  }
  first_signal = number;
  constexpr std::string_view told = "egressproof: ending in order; once more to end at once\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, told.data(), told.size());
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART | SA_NODEFER;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

int interrupted() { return first_signal; }

}  // namespace egressproof::cli
