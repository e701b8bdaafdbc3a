// egressproof-probe: batches on standard input, observations on standard output; see codec.h. With "agent": the same
// over HTTP; see agent.h.
#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <fstream>
#include <iostream>

#include "base/files.h"
#include "base/json.h"
#include "probe/agent.h"
#include "probe/batches.h"
#include "probe/ticker.h"

namespace {

using namespace egressproof;

void say(const std::string& line) { std::cout << line << '\n' << std::flush; }

std::string is_share(const std::string& text) {
  const std::size_t slash = text.find('/');
  const int index = std::atoi(text.c_str());
  const int count = slash == std::string::npos ? 0 : std::atoi(text.c_str() + slash + 1);
  return index >= 1 && index <= count && count <= 100 ? "" : "'" + text + "' is no INDEX/COUNT such as 2/3";
}

void add_engine_options(CLI::App& app, probe::EngineOptions& options) {
  app.add_option("--ca", options.ca_file, "PEM file of the CA that the fixtures' certificates must chain to");
  app.add_option("--workload-certificate", options.workload_certificate,
                 "folder with cert-chain.pem and key.pem, for mutual TLS that the attempt makes itself");
  app.add_option("--dns", options.dns_server, "name server for all names, an IP address [those of resolv.conf]")
      ->check(CLI::ValidIPV4);
  app.add_option("--dns-port", options.dns_port, "port of --dns")->capture_default_str();
  app.add_option_function<std::string>(
         "--port-share",
         [](const std::string& share) {
           const std::size_t slash = share.find('/');
           probe::share_local_ports(std::stoi(share.substr(0, slash)), std::stoi(share.substr(slash + 1)));
         },
         "INDEX/COUNT of the probes in this pod: no two use the same local ports")
      ->check(CLI::Validator(is_share, "INDEX/COUNT"));
}

// `from` is a file, or empty for standard input.
int run_pipes(const probe::EngineOptions& options, const std::string& from) {
  std::ifstream file;
  if (!from.empty()) file.open(from);
  if (!from.empty() && !file) {
    std::cerr << "egressproof-probe: --batches: cannot read '" << from << "'\n";
    return 2;
  }
  std::istream& lines = from.empty() ? std::cin : file;
  // Whoever watches a change knows better than a clock when it has seen enough of what is long-lived.
  std::signal(SIGUSR1, [](int) { probe::end_ticks(); });
  say(Json{{"type", "hello"},
           {"version", EGRESSPROOF_VERSION},
           {"features",
            {"http/1.1", "http/2", "tls", "tcp", "dns", "udp", "icmp", "ip", "syn", "earlier", "fields", "redirects",
             "outer"}}}
          .dump());
  probe::Batches batches(options, say);
  std::string line;
  // Without a reader of its observations the probe must not go on sending.
  while (std::cout && std::getline(lines, line)) batches.take(line);
  batches.end();
  return std::cout ? 0 : 1;
}

struct AgentArguments {
  std::string listen = "0.0.0.0:8080";
  std::string key_file;
  std::uint64_t grace_seconds = 5;
  probe::AgentOptions options;
};

int usage(const std::string& message) {
  std::cerr << "egressproof-probe: " << message << '\n';
  return 2;
}

int run_agent(AgentArguments arguments) {
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // before any thread starts
  const std::size_t colon = arguments.listen.rfind(':');
  std::string& address = arguments.options.address;
  address = arguments.listen.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  const std::string port = colon == std::string::npos ? "" : arguments.listen.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), arguments.options.port);
  if (error != std::errc{} || end != port.data() + port.size())
    return usage("--listen: '" + arguments.listen + "' is not ADDRESS:PORT");
  auto key = read_file(arguments.key_file);
  if (!key) return usage(to_string(key.error()));
  if (!key->empty() && key->back() == '\n') key->pop_back();  // as editors and `echo` write it
  arguments.options.key = std::move(*key);
  auto agent = probe::Agent::start(std::move(arguments.options));
  if (!agent) {
    std::cerr << "egressproof-probe: " << to_string(agent.error()) << '\n';
    return agent.error().kind == ErrorKind::usage ? 2 : 3;
  }
  say(Json{{"type", "ready"}, {"version", EGRESSPROOF_VERSION}, {"port", (*agent)->port()}}.dump());
  int number = 0;
  ::sigwait(&ends, &number);
  (*agent)->stop(std::chrono::seconds(arguments.grace_seconds));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("egressproof-probe: carries out the attempts it reads on standard input (NDJSON)");
  probe::EngineOptions options;
  add_engine_options(app, options);
  std::string batches;
  app.add_option("--batches", batches, "file to read in place of standard input, where nobody could write to that");
  app.set_version_flag("--version", EGRESSPROOF_VERSION);
  AgentArguments arguments;
  CLI::App* agent = app.add_subcommand("agent", "takes signed batches over HTTP, as a server in a pod");
  agent->add_option("--listen", arguments.listen, "ADDRESS:PORT")->capture_default_str();
  agent->add_option("--key-file", arguments.key_file, "file of the run's key, 32 bytes or more")->required();
  agent->add_option("--run", arguments.options.run, "id of the run whose batches are taken")->required();
  agent->add_option("--grace", arguments.grace_seconds, "seconds that a running batch has to end after SIGTERM")
      ->capture_default_str();
  add_engine_options(*agent, arguments.options.engine);
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  return agent->parsed() ? run_agent(std::move(arguments)) : run_pipes(options, batches);
}
