// A client that says nothing, through the whole pipeline over the fake world.
#include "tests/unit/run_support.h"

namespace egressproof::run {
namespace {

// The small suite with one case more: "silent", to a server that speaks first on two ports.
scenario::Suite with_silent_case(bool speaks_first = true) {
  scenario::Suite suite = small_suite();
  scenario::Fixture greeter;
  greeter.name = "greeter";
  greeter.addresses = {"198.51.100.75"};
  greeter.ports = {25, 80};
  greeter.speaks_first = speaks_first;
  suite.fixtures.push_back(greeter);
  auto& cases = suite.scenarios.front().cases;
  scenario::Case one =
      *std::find_if(cases.begin(), cases.end(), [](const scenario::Case& other) { return other.id == "deny-raw"; });
  one.id = "silent";
  one.target = "";
  one.control.reset();
  one.attempt = {};
  one.attempt.protocol = probe::Protocol::tcp;
  one.variants.clear();
  for (const char* port : {"25", "80"}) {
    one.variants.push_back({"port-" + std::string(port), {}});
    one.variants.back().attempt.dial = "greeter:" + std::string(port);
  }
  cases.push_back(one);
  return suite;
}

report::Report run_silent(const scenario::Suite& suite) {
  plan::Selection selection;
  selection.cases = {"*/silent"};
  return run_small({}, selection, quick(), suite);
}

TEST(SilentClient, IsDeniedByTheLogOrByTheKernelsWord) {
  const report::Report report = run_silent(with_silent_case());
  EXPECT_EQ(surprises(report), std::vector<std::string>{});
  EXPECT_EQ(told(report, "silent.port-25", "P0"), "ALLOW pass");
  EXPECT_EQ(told(report, "silent.port-80", "P0"), "ALLOW pass");
  EXPECT_NE(finding(report, "silent.port-25", "P3").mechanism.find("BlackHoleCluster"), std::string::npos);
  EXPECT_NE(finding(report, "silent.port-80", "P3").mechanism.find("held"), std::string::npos);
}

TEST(SilentClient, WithoutAGreetingThereIsNoControl) {
  const report::Report report = run_silent(with_silent_case(false));
  EXPECT_EQ(told(report, "silent.port-80", "P3"), "INCONCLUSIVE inconclusive");
  EXPECT_EQ(report.exit_code, 4);
}

}  // namespace
}  // namespace egressproof::run
