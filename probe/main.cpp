// egressproof-probe: batches on standard input, observations on standard output; see codec.h.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <set>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/object_reader.h"
#include "probe/codec.h"
#include "probe/engine.h"

namespace {

using namespace egressproof;

constexpr std::uint64_t default_parallel = 32;
constexpr std::uint64_t max_parallel = 1000;

// A message may quote bytes that are not UTF-8.
void say(const Json& json) {
  std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n' << std::flush;
}

class Batches {
 public:
  explicit Batches(probe::EngineOptions options) : options_(std::move(options)) {}

  void take(const std::string& line) {
    ++line_;
    const Json json = Json::parse(line, nullptr, false);
    const std::string type = json.is_object() && json.contains("type") && json["type"].is_string() ? json["type"] : "";
    if (type == "batch")
      begin(line);
    else if (type == "run")
      run(line);
    else if (!open_)
      problem(0, "no batch is open");
    else
      add(line);
  }

  void end() {
    if (open_) problem(0, "the input ended before batch '" + name_ + "' was run");
  }

 private:
  void problem(int column, const std::string& message) const {
    say({{"type", "problem"}, {"line", line_}, {"column", column}, {"message", message}});
  }

  // A batch with a malformed first line is open all the same: its closing record must come.
  void begin(const std::string& line) {
    if (open_)
      problem(0,
              "batch '" + name_ + "' was not run; its " + std::to_string(attempts_.size()) + " attempts are dropped");
    *this = Batches(options_);
    open_ = true;
    line_ = 1;
    ObjectReader reader(line);
    std::string type;
    std::uint64_t parallel = default_parallel;
    reader.text("type", type, true);
    reader.text("batch", name_, true);
    reader.number("parallel", parallel, max_parallel);
    if (parallel == 0) reader.complain("parallel", "'parallel' counts from 1");
    if (!reader.finish()) problem(reader.problem().column, reader.problem().message);
    options_.parallel = static_cast<int>(parallel);
  }

  void add(const std::string& line) {
    auto attempt = probe::decode_attempt(line);
    if (!attempt)
      problem(attempt.error().column, attempt.error().message);
    else if (!sequences_.insert(attempt->sequence).second)
      problem(0, "attempt " + std::to_string(attempt->sequence) + " came before in this batch");
    else if (!nonces_.insert(attempt->nonce).second)
      problem(0, "nonce " + attempt->nonce + " came before in this batch");
    else
      attempts_.push_back(std::move(*attempt));
  }

  void run(const std::string& line) {
    ObjectReader reader(line);
    std::string type;
    reader.text("type", type, true);
    if (!reader.finish()) problem(reader.problem().column, reader.problem().message);
    if (!open_) problem(0, "no batch is open");
    std::string told;
    std::size_t count = 0;
    probe::run_attempts(attempts_, options_, [&](const probe::Observation& seen) {
      const std::string observation = probe::encode(seen);
      told += observation + "\n";
      ++count;
      std::cout << observation << '\n' << std::flush;
    });
    say({{"type", "closing"}, {"batch", bytes_to_utf8(name_)}, {"count", count}, {"sha256", sha256_hex(told)}});
    *this = Batches(options_);
  }

  probe::EngineOptions options_;
  bool open_ = false;
  std::string name_;
  std::vector<probe::Attempt> attempts_;
  std::set<std::uint64_t> sequences_;
  std::set<std::string> nonces_;
  int line_ = 0;  // of the batch
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("egressproof-probe: carries out the attempts it reads on standard input (NDJSON)");
  probe::EngineOptions options;
  app.add_option("--ca", options.ca_file, "PEM file of the CA that the fixtures' certificates must chain to");
  app.add_option("--dns", options.dns_server, "name server for all names, an IP address [those of resolv.conf]")
      ->check(CLI::ValidIPV4);
  app.add_option("--dns-port", options.dns_port, "port of --dns")->capture_default_str();
  app.set_version_flag("--version", EGRESSPROOF_VERSION);
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  say({{"type", "hello"},
       {"version", EGRESSPROOF_VERSION},
       {"features", {"http/1.1", "http/2", "tls", "tcp", "dns", "earlier", "fields", "redirects"}}});
  Batches batches(options);
  std::string line;
  // Without a reader of its observations the probe must not go on sending.
  while (std::cout && std::getline(std::cin, line)) batches.take(line);
  batches.end();
  return std::cout ? 0 : 1;
}
