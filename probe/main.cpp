// egressproof-probe: batches on standard input, observations on standard output; see codec.h.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "base/crypto.h"
#include "base/json.h"
#include "probe/codec.h"
#include "probe/engine.h"

namespace {

using namespace egressproof;

void say(const Json& json) { std::cout << json.dump() << '\n' << std::flush; }

struct Batch {
  bool open = false;
  std::string name;
  probe::EngineOptions options;
  std::vector<probe::Attempt> attempts;
  int line = 0;
};

void problem(const Batch& batch, int column, const std::string& message) {
  say({{"type", "problem"}, {"line", batch.line}, {"column", column}, {"message", message}});
}

void run(Batch& batch) {
  std::string told;
  std::size_t count = 0;
  probe::run_attempts(batch.attempts, batch.options, [&](const probe::Observation& seen) {
    const std::string line = probe::encode(seen);
    told += line + "\n";
    ++count;
    std::cout << line << '\n' << std::flush;
  });
  say({{"type", "closing"}, {"batch", batch.name}, {"count", count}, {"sha256", sha256_hex(told)}});
  batch.open = false;
}

void take(Batch& batch, const std::string& line, const std::string& ca_file) {
  ++batch.line;
  const Json json = Json::parse(line, nullptr, false);
  const std::string type = json.is_object() && json.contains("type") && json["type"].is_string() ? json["type"] : "";
  if (type == "batch") {
    const bool named = json.contains("batch") && json["batch"].is_string();
    const bool limited = json.contains("parallel") && json["parallel"].is_number_integer();
    batch = {named,
             named ? json["batch"].get<std::string>() : "",
             {ca_file, limited ? std::clamp(json["parallel"].get<int>(), 1, 1000) : 32},
             {},
             1};
    if (!named) problem(batch, 0, "a batch needs a name ('batch')");
  } else if (!batch.open) {
    problem(batch, 0, "no batch is open");
  } else if (type == "run") {
    run(batch);
  } else if (auto attempt = probe::decode_attempt(line)) {
    batch.attempts.push_back(std::move(*attempt));
  } else {
    problem(batch, attempt.error().column, attempt.error().message);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("egressproof-probe: carries out the attempts it reads on standard input (NDJSON)");
  std::string ca_file;
  app.add_option("--ca", ca_file, "PEM file of the CA that the fixtures' certificates must chain to");
  app.set_version_flag("--version", EGRESSPROOF_VERSION);
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  say({{"type", "hello"},
       {"version", EGRESSPROOF_VERSION},
       {"protocols", {"http/1.1", "http/2", "tls", "tcp", "dns"}}});
  Batch batch;
  std::string line;
  while (std::getline(std::cin, line)) take(batch, line, ca_file);
  return 0;
}
