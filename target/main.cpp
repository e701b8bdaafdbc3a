// egressproof-target: the fake internet; see codec.h for its configuration and journal.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "base/files.h"
#include "base/json.h"
#include "target/server.h"

namespace {

// Each connection is a descriptor, and the usual soft limit is 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace egressproof;
  CLI::App app("egressproof-target: fixtures that answer, and write a receipt of all that arrives");
  std::string file;
  app.add_option("--config", file, "JSON configuration")->required();
  app.set_version_flag("--version", EGRESSPROOF_VERSION);
  CLI11_PARSE(app, argc, argv);
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // before any thread starts
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  const auto text = read_file(file);
  const auto config = text ? target::decode_config(*text) : Result<target::Config>(tl::unexpected(text.error()));
  if (!config) {
    std::cerr << "egressproof-target: " << file << ": " << to_string(config.error()) << '\n';
    return 2;
  }
  auto server = target::Server::start(*config);
  if (!server) {
    std::cerr << "egressproof-target: " << to_string(server.error()) << '\n';
    return 3;
  }
  std::cout << Json{{"type", "ready"}, {"version", EGRESSPROOF_VERSION}}.dump() << '\n' << std::flush;
  int number = 0;
  ::sigwait(&ends, &number);
  (*server)->stop();
  return 0;
}
