// scenarios/catalogue.tsv is the published list of bypasses, copied as data. Each of its ids is a case of the suite, or
// the list says what is needed for it and why it is not there; nothing is dropped silently, and no excuse outlives its
// case.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/scenario_support.h"

namespace egressproof::scenario {
namespace {

constexpr std::size_t columns = 7;  // id, family, category, run, cells, needs, reason

std::vector<std::string> split(const std::string& line, char by) {
  std::vector<std::string> parts{""};
  for (const char c : line)
    if (c == by)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

// "needs a cluster alone": the run column has no L.
bool only_in_a_cluster(const std::string& run) { return run.rfind('K', 0) == 0; }

struct Shipped {
  std::set<std::string> cases;
  std::set<std::string> of_clusters;  // those with `needs: [kubernetes]`, a pod of their own, or about NetworkPolicy
};

Shipped shipped(const Suite& suite) {
  Shipped made;
  for (const Scenario& scenario : suite.scenarios)
    for (const Case& one : scenario.cases) {
      made.cases.insert(one.id);
      // A pod that Istio's injector made is what a cluster would have, and so is what a network plugin makes of
      // NetworkPolicies; the lab has the injector too, and emulates the plugin.
      for (const char* need : {"kubernetes", "pod-template", "network-policy"})
        if (std::find(one.needs.begin(), one.needs.end(), need) != one.needs.end()) made.of_clusters.insert(one.id);
    }
  return made;
}

std::vector<std::string> differences(const std::string& catalogue, const Shipped& suite) {
  std::vector<std::string> found;
  std::set<std::string> seen;
  std::istringstream lines(catalogue);
  std::string line;
  std::getline(lines, line);  // the head
  while (std::getline(lines, line)) {
    const std::vector<std::string> row = split(line, '\t');
    const std::string& id = row.front();
    if (row.size() != columns) {
      found.push_back(id + ": " + std::to_string(row.size()) + " columns");
      continue;
    }
    if (!seen.insert(id).second) found.push_back(id + ": twice");
    for (std::size_t i = 1; i < 5; ++i)
      if (row[i].empty()) found.push_back(id + ": column " + std::to_string(i + 1) + " is empty");
    const bool excused = !row[5].empty() && !row[6].empty();
    if (suite.cases.count(id) == 0 && !excused) found.push_back(id + ": neither a case nor a reason why not");
    if (suite.cases.count(id) != 0 && (!row[5].empty() || !row[6].empty()))
      found.push_back(id + ": a case, and a reason why it is none");
    if (only_in_a_cluster(row[3]) && suite.cases.count(id) != 0 && suite.of_clusters.count(id) == 0)
      found.push_back(id + ": for a cluster alone, and its case does not say 'needs: [kubernetes]'");
  }
  return found;
}

TEST(Catalogue, EachIdIsACaseOrHasAReason) {
  const Loaded loaded = load({EGRESSPROOF_SOURCE_DIR "/scenarios"});
  ASSERT_TRUE(loaded.diagnostics.empty());
  const std::string catalogue = testing::content_of(EGRESSPROOF_SOURCE_DIR "/scenarios/catalogue.tsv");
  ASSERT_GT(std::count(catalogue.begin(), catalogue.end(), '\n'), 200);
  for (const std::string& one : differences(catalogue, shipped(loaded.suite))) ADD_FAILURE() << one;
}

TEST(Catalogue, EveryCaseOfTheSuiteSaysWhy) {
  const Loaded loaded = load({EGRESSPROOF_SOURCE_DIR "/scenarios"});
  for (const Scenario& scenario : loaded.suite.scenarios)
    for (const Case& one : scenario.cases) EXPECT_FALSE(one.why.empty()) << scenario.name << "/" << one.id;
}

TEST(CatalogueComparison, TellsWhatIsMissingAndWhatIsStale) {
  const std::string head = "id\tfamily\tcategory\trun\tcells\tneeds\treason\n";
  const Shipped suite{{"here", "of-cluster", "not-said"}, {"of-cluster"}};
  EXPECT_TRUE(differences(head + "here\t3.1\tbaseline\tL·K\tP0 A\t\t\n", suite).empty());
  EXPECT_TRUE(differences(head + "of-cluster\t3.1\tbaseline\tK\tP0 A\t\t\n", suite).empty());
  EXPECT_TRUE(differences(head + "gone\t3.1\tbaseline\tL·K\tP0 A\tudp\tno datagrams\n", suite).empty());
  const auto told = [&](const std::string& lines) {
    const auto found = differences(head + lines, suite);
    return found.empty() ? std::string() : found.front();
  };
  EXPECT_EQ(told("gone\t3.1\tbaseline\tL·K\tP0 A\t\t\n"), "gone: neither a case nor a reason why not");
  EXPECT_EQ(told("gone\t3.1\tbaseline\tL·K\tP0 A\tudp\t\n"), "gone: neither a case nor a reason why not");
  EXPECT_EQ(told("here\t3.1\tbaseline\tL·K\tP0 A\tudp\tno datagrams\n"), "here: a case, and a reason why it is none");
  EXPECT_EQ(told("not-said\t3.1\tbaseline\tK\tP0 A\t\t\n"),
            "not-said: for a cluster alone, and its case does not say 'needs: [kubernetes]'");
  EXPECT_EQ(told("here\t3.1\tbaseline\tL·K\t\t\t\n"), "here: column 5 is empty");
  EXPECT_EQ(told("here\t3.1\n"), "here: 2 columns");
  EXPECT_EQ(told("here\t3.1\tbaseline\tL·K\tP0 A\t\t\nhere\t3.1\tbaseline\tL·K\tP0 A\t\t\n"), "here: twice");
}

}  // namespace
}  // namespace egressproof::scenario
