// How many attempts a second the probes of several profiles make, and how that compares with the vantage's in the same
// run. Rounds of the profiles alternate, so that what else the machine does meanwhile falls on all of them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "base/crypto.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/worlds.h"
#include "runner/run/pipeline.h"

namespace egressproof {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchOptions {
  cli::WorldOptions world;
  std::vector<std::string> paths;
  std::vector<std::string> profiles{"P1", "P3"};
  std::string case_id = "allow-exact-http";
  int attempts = 400;
  int rounds = 9;
};

struct Rates {
  std::vector<double> per_second;  // one a round
  int failed = 0;                  // attempts without an answer
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// The attempts of one round: the cell's, each with a nonce of its own.
std::vector<probe::Attempt> batch_of(const probe::Attempt& attempt, int count, int round) {
  std::vector<probe::Attempt> batch(static_cast<std::size_t>(count), attempt);
  std::uint64_t sequence = 0;
  for (probe::Attempt& one : batch) {
    one.sequence = ++sequence;
    one.nonce = random_hex(16);
    one.id = fmt::format("bench/{}/{}/{}", attempt.id, round, sequence);
  }
  return batch;
}

Result<void> measure(backend::World& world, const plan::Cell& cell, int count, int round, Rates& rates) {
  const auto batch = batch_of(cell.attempt, count, round);
  const auto begun = Clock::now();
  auto results = world.attempt({{cell.pod, batch}});
  const double took = std::chrono::duration<double>(Clock::now() - begun).count();
  if (!results) return tl::unexpected(results.error());
  const probe::BatchResult& told = (*results)[cell.pod];
  if (!told.errors.empty()) return fail(ErrorKind::environment, cell.profile + ": " + told.errors.front());
  const auto answered = std::count_if(told.observations.begin(), told.observations.end(), [](const auto& one) {
    return one.second.code == probe::Code::ok && one.second.answer.has_value();
  });
  rates.failed += count - static_cast<int>(answered);
  rates.per_second.push_back(count / took);
  return {};
}

void print(const std::vector<plan::Cell>& cells, const std::map<std::string, Rates>& rates,
           const std::string& vantage) {
  const double base = median(rates.at(vantage).per_second);
  std::cout << fmt::format("{:<10}{:>14}{:>20}{:>10}{:>10}\n", "profile", "attempts/s", "least to most", "ratio",
                           "failed");
  for (const plan::Cell& cell : cells) {
    const Rates& one = rates.at(cell.profile);
    const auto [least, most] = std::minmax_element(one.per_second.begin(), one.per_second.end());
    const double middle = median(one.per_second);
    std::cout << fmt::format("{:<10}{:>14.0f}{:>20}{:>10.2f}{:>10}\n", cell.profile, middle,
                             fmt::format("{:.0f} to {:.0f}", *least, *most), middle / base, one.failed);
  }
}

Result<void> run(const BenchOptions& options) {
  const auto suite = cli::load_suite(options.paths);
  if (!suite) return tl::unexpected(suite.error());
  const auto first =
      std::find_if(suite->profiles.begin(), suite->profiles.end(), [](const auto& one) { return one.vantage; });
  plan::Selection selection{{options.case_id}, options.profiles, {}, {}};
  selection.profiles.push_back(first->name);
  const std::string run_id = "bench-" + random_hex(4);
  auto backend = cli::make_backend(options.world, run_id);
  if (!backend) return tl::unexpected(backend.error());
  auto capabilities = (*backend)->detect();
  if (!capabilities) return tl::unexpected(capabilities.error());
  const auto plan = plan::make(*suite, selection, *capabilities, random_hex(16));
  if (!plan) return tl::unexpected(plan.error());
  std::vector<plan::Cell> cells = plan->cells;
  std::map<std::string, Rates> rates;
  for (const plan::Cell& cell : cells)
    if (!rates.emplace(cell.profile, Rates()).second)
      return fail(ErrorKind::usage, "'" + options.case_id + "' is more than one case or variant");
  if (rates.count(first->name) == 0)
    return fail(ErrorKind::usage, "no such case in the profile of the vantage: '" + options.case_id + "'");

  run::Options how;
  how.run_id = run_id;
  how.interrupted = cli::interrupted;
  auto ready = run::bring_up(*suite, plan->profiles, **backend, how);
  if (!ready) return tl::unexpected(ready.error());
  // The round before the first warms what is made ahead of need, and is not counted.
  for (int round = 0; round <= options.rounds; ++round)
    for (const plan::Cell& cell : cells) {
      if (cli::interrupted() != 0) return fail(ErrorKind::interrupted, "interrupted");
      Rates unused;
      Rates& into = round == 0 ? unused : rates[cell.profile];
      if (auto done = measure(*ready->world, cell, options.attempts, round, into); !done) return done;
    }
  std::cout << fmt::format("{}: {} rounds of {} attempts at once in each profile\n", options.case_id, options.rounds,
                           options.attempts);
  print(cells, rates, first->name);
  return ready->world->close();
}

int run_bench(int argc, const char* const* argv) {
  CLI::App app("egressproof-bench: attempts a second, by profile, as ratios to the vantage");
  BenchOptions options;
  app.add_option("PATHS", options.paths, "folders or files of scenarios");
  cli::add_world_options(app, options.world);
  app.add_option("--case", options.case_id, "an http/1.1 case that is allowed in each profile")->capture_default_str();
  cli::add_profiles(app, options.profiles, "beside the vantage; default: P1, P3");
  app.add_option("--attempts", options.attempts, "a round")->check(CLI::Range(1, 5000))->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  cli::catch_interrupts();
  const auto done = run(options);
  return done ? 0 : cli::fail_with(done.error());
}

}  // namespace
}  // namespace egressproof

int main(int argc, char** argv) { return egressproof::run_bench(argc, argv); }
