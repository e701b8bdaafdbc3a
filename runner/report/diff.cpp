#include "runner/report/diff.h"

#include <fnmatch.h>

#include <algorithm>
#include <tuple>

#include "runner/report/grid.h"

namespace egressproof::report {
namespace {

using verdict::Finding;
using verdict::Status;
using verdict::Verdict;
using Key = std::tuple<std::string, std::string, std::string>;

Key key_of(const CellView& cell) { return {cell.finding->scenario, cell.finding->case_id, cell.finding->profile}; }

// How far a status is from a proven enforcement.
int distance(Status status) {
  switch (status) {
    case Status::pass:
    case Status::recorded:
      return 0;
    case Status::news:
      return 1;
    case Status::known_leak:
      return 2;
    case Status::inconclusive:
    case Status::error:
      return 3;
    case Status::fail:
      return 4;
  }
  return 4;
}

bool leaks(const Finding& finding) { return finding.verdict == Verdict::leak; }

bool undecided(const Finding& finding) {
  return finding.status == Status::inconclusive || finding.status == Status::error;
}

bool same_expectation(const Finding& a, const Finding& b) {
  return a.expectation.expect == b.expectation.expect && a.expectation.stance == b.expectation.stance;
}

bool same_mechanism(const Finding& a, const Finding& b) {
  return a.layer == b.layer && a.mechanism == b.mechanism && a.stage == b.stage && a.reached == b.reached;
}

std::optional<Change> change_of(const Finding& a, const Finding& b) {
  if (leaks(b) && !leaks(a)) return Change::regressed;
  const int before = distance(a.status);
  const int after = distance(b.status);
  if (after > before) return Change::regressed;
  // A leak that is written down now is no smaller for it, and what cannot be told is not fixed.
  if (after < before) return leaks(b) || undecided(b) ? Change::changed : Change::fixed;
  if (leaks(a) && !leaks(b)) return undecided(b) ? Change::changed : Change::fixed;
  if (a.status != b.status || a.verdict != b.verdict || !same_expectation(a, b)) return Change::changed;
  if (!same_mechanism(a, b)) return Change::changed_mechanism;
  return std::nullopt;
}

const plan::Skip* skip_of(const Report& report, const Finding& finding) {
  const auto found = std::find_if(report.skips.begin(), report.skips.end(), [&](const plan::Skip& one) {
    return one.scenario == finding.scenario && covers(one, finding.case_id) &&
           (one.profile.empty() || one.profile == finding.profile);
  });
  return found == report.skips.end() ? nullptr : &*found;
}

Difference named(Change change, const Finding& finding, CellView before, CellView after) {
  Difference one;
  one.change = change;
  one.scenario = finding.scenario;
  one.case_id = finding.case_id;
  one.profile = finding.profile;
  one.before = before;
  one.after = after;
  return one;
}

bool fits(const KnownDifference& known, const Difference& one, const Report& a, const Report& b) {
  const auto matches = [](const std::string& glob, const std::string& text) {
    return ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
  };
  const auto listed = [&](const std::string& backend) {
    return known.backends.empty() ||
           std::find(known.backends.begin(), known.backends.end(), backend) != known.backends.end();
  };
  return matches(known.case_name, one.scenario + "/" + one.case_id) && matches(known.profile, one.profile) &&
         listed(a.backend) && listed(b.backend);
}

// Compared with A as a whole: the same shortcoming in both runs is no change, but B's own stays visible in its report.
void compare_runs(Comparison& made) {
  const auto add = [&](bool wrong_b, const std::string& text) {
    if (wrong_b) made.run_level.push_back(text);
  };
  const Report& b = *made.b;
  add(!b.aborted.empty(), "B was aborted: " + b.aborted);
  add(b.aborted.empty() && made.cells_b.list.empty(), "nothing ran in B");
  add(!made.cells_b.list.empty() && !b.evidence.receipts_complete && made.a->evidence.receipts_complete,
      "the receipts of B are incomplete, those of A were not");
  if (made.a->evidence.errors.empty())
    for (const auto& error : b.evidence.errors) made.run_level.push_back("error of run B: " + error);
}

void explain_by(const std::vector<KnownDifference>& known, Comparison& made) {
  std::vector<bool> used(known.size(), false);
  for (Difference& one : made.differences)
    for (std::size_t i = 0; i < known.size(); ++i)
      if (fits(known[i], one, *made.a, *made.b)) {
        if (one.explained == nullptr) one.explained = &known[i];
        used[i] = true;
      }
  for (std::size_t i = 0; i < known.size(); ++i)
    if (!used[i]) made.unused.push_back(&known[i]);
}

}  // namespace

std::string to_string(Change change) {
  switch (change) {
    case Change::regressed:
      return "regressed";
    case Change::newly_skipped:
      return "newly skipped";
    case Change::gone:
      return "gone";
    case Change::fixed:
      return "fixed";
    case Change::fresh:
      return "new";
    case Change::changed:
      return "changed";
    case Change::changed_mechanism:
      return "changed mechanism";
  }
  return "?";
}

Comparison compare(const Report& a, const Report& b, const DiffOptions& options) {
  Comparison made;
  made.a = &a;
  made.b = &b;
  made.cells_a = cells_of(a);
  made.cells_b = cells_of(b);
  std::map<Key, CellView> before;
  for (const CellView& cell : made.cells_a.list) before.emplace(key_of(cell), cell);
  std::map<Key, CellView> after;
  for (const CellView& cell : made.cells_b.list) {
    after.emplace(key_of(cell), cell);
    const auto old = before.find(key_of(cell));
    if (old == before.end()) {
      Difference one = named(Change::fresh, *cell.finding, {}, cell);
      one.worse = distance(cell.finding->status) > distance(Status::known_leak) || cell.finding->status == Status::news;
      made.differences.push_back(std::move(one));
    } else if (const auto change = change_of(*old->second.finding, *cell.finding)) {
      made.differences.push_back(named(*change, *cell.finding, old->second, cell));
      made.differences.back().worse = *change == Change::regressed;
    } else {
      ++made.same;
    }
  }
  for (const CellView& cell : made.cells_a.list) {
    if (after.count(key_of(cell)) != 0) continue;
    const plan::Skip* skip = skip_of(b, *cell.finding);
    Difference one = named(skip == nullptr ? Change::gone : Change::newly_skipped, *cell.finding, cell, {});
    if (skip != nullptr) one.skip = skip->reason;
    one.worse = !options.selection;
    made.differences.push_back(std::move(one));
  }
  std::stable_sort(made.differences.begin(), made.differences.end(),
                   [](const Difference& one, const Difference& other) { return one.change < other.change; });
  compare_runs(made);
  explain_by(options.known, made);
  return made;
}

bool worse(const Comparison& comparison) {
  return !comparison.run_level.empty() ||
         std::any_of(comparison.differences.begin(), comparison.differences.end(),
                     [](const Difference& one) { return one.worse && one.explained == nullptr; });
}

}  // namespace egressproof::report
