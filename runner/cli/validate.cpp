#include <iostream>
#include <memory>

#include "runner/cli/exit_code.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/verbs.h"
#include "runner/policy/manifests.h"
#include "runner/policy/network_policy_split.h"

namespace egressproof::cli {
namespace {

int validate(const std::vector<std::string>& paths) {
  const auto suite = load_suite(paths);
  if (!suite) return fail_with(suite.error());
  const auto plan = plan::make(*suite, {}, all_capabilities(*suite), "validate");
  if (!plan) return fail_with(plan.error());
  if (auto manifests = policy::manifests(suite->profiles); !manifests) return fail_with(manifests.error());
  for (const scenario::Profile& profile : suite->profiles)
    if (auto network = policy::network_policies(profile); !network) return fail_with(network.error());
  std::size_t cases = 0;
  for (const scenario::Scenario& one : suite->scenarios) cases += one.cases.size();
  const auto counted = [](std::size_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
  };
  std::cout << "valid: " << counted(suite->scenarios.size(), "scenario") << ", " << counted(cases, "case") << ", "
            << counted(suite->profiles.size(), "profile") << ", " << counted(plan->cells.size(), "cell") << '\n';
  return run::exit_matched;
}

}  // namespace

Verb add_validate(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("validate", "Check scenario files and their policies, without any world");
  auto paths = std::make_shared<std::vector<std::string>>();
  verb->add_option("PATHS", *paths, "scenario files and folders; default: the folder 'scenarios'");
  verb->footer(
      "Examples:\n"
      "  egressproof validate\n"
      "  egressproof validate my-scenarios/\n"
      "  egressproof validate fixtures.yaml profiles.yaml spoof.yaml");
  return [paths] { return validate(*paths); };
}

}  // namespace egressproof::cli
