// Single cells out of a plan: a shard of it, or those that a report names. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "base/result.h"
#include "runner/plan/plan.h"
#include "runner/report/report.h"
#include "runner/scenario/scenario.h"

namespace egressproof::cli {

// One of `of` parts, counted from 1.
struct Shard {
  int index = 1, of = 1;
};
// "2/4". Error kind usage: not of this form, or no such part.
Result<Shard> shard_from(const std::string& text);
// The case decides, without variant: its rows, profiles and controls stay together, and an added case moves no other.
bool in_shard(const Shard& shard, const std::string& scenario, const std::string& case_id);

using CellName = std::tuple<std::string, std::string, std::string>;  // scenario, case with variant, profile

struct Narrowing {
  std::optional<Shard> shard;
  std::optional<std::set<CellName>> only;
};

// Leaves the cells that fit, with the controls, profiles, extra probes and skips that belong to them.
void narrow(plan::Plan& plan, const scenario::Suite& suite, const Narrowing& narrowing);

// Of `only`: those that the plan has no cell of.
std::set<CellName> missing_from(const plan::Plan& plan, const std::set<CellName>& only);

std::string to_string(const CellName& cell);  // "spoof/host-spoof [P4]"

// Cells that did not pass: fail, news, inconclusive, error.
std::set<CellName> not_passed(const report::Report& report);
// Those, and documented holes that showed: what there is to reproduce.
std::set<CellName> failing_or_leaking(const report::Report& report);

}  // namespace egressproof::cli
