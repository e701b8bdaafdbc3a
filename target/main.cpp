// egressproof-target: the fake internet; see codec.h for its configuration and journal. SIGUSR1 moves the records that
// move; standard output then says so.
#include <arpa/inet.h>
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

std::string is_address(const std::string& text) {
  in6_addr any{};
  const bool valid = ::inet_pton(AF_INET, text.c_str(), &any) == 1 || ::inet_pton(AF_INET6, text.c_str(), &any) == 1;
  return valid ? std::string() : "'" + text + "' is not an IP address";
}

// The fixtures know one another, and receipts tell them apart, by the address: it must be the pod's own.
void take_address(egressproof::target::Config& config, const std::string& address) {
  constexpr const char* unknown = "0.0.0.0";
  if (config.dns_address == unknown) config.dns_address = address;
  for (auto& fixture : config.fixtures)
    for (std::string& one : fixture.addresses)
      if (one == unknown) one = address;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace egressproof;
  CLI::App app("egressproof-target: fixtures that answer, and write a receipt of all that arrives");
  std::string file, pod_address;
  app.add_option("--config", file, "JSON configuration")->required();
  app.add_option("--pod-address", pod_address,
                 "replaces 0.0.0.0 in the configuration: known only once a pod has a node")
      ->check(CLI::Validator(is_address, "IP literal"));
  app.set_version_flag("--version", EGRESSPROOF_VERSION);
  CLI11_PARSE(app, argc, argv);
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigaddset(&ends, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // before any thread starts
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  const auto text = read_file(file);
  auto config = text ? target::decode_config(*text) : Result<target::Config>(tl::unexpected(text.error()));
  if (!config) {
    std::cerr << "egressproof-target: " << file << ": " << to_string(config.error()) << '\n';
    return 2;
  }
  if (!pod_address.empty()) take_address(*config, pod_address);
  auto server = target::Server::start(*config);
  if (!server) {
    std::cerr << "egressproof-target: " << to_string(server.error()) << '\n';
    return 3;
  }
  std::cout << Json{{"type", "ready"}, {"version", EGRESSPROOF_VERSION}}.dump() << '\n' << std::flush;
  for (int number = SIGUSR1; number == SIGUSR1;) {
    ::sigwait(&ends, &number);
    if (number != SIGUSR1) break;
    (*server)->move_records();
    std::cout << Json{{"type", "records moved"}}.dump() << '\n' << std::flush;
  }
  (*server)->stop();
  return 0;
}
