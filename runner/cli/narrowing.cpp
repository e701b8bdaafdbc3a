#include "runner/cli/narrowing.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/crypto.h"
#include "runner/plan/parts.h"
#include "runner/run/case_text.h"

namespace egressproof::cli {
namespace {

std::optional<int> number_of(std::string_view text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string bare_case(const scenario::Suite& suite, const std::string& scenario, const std::string& row) {
  const run::FoundCase place = run::find_case(suite, scenario, row);
  return place.found == nullptr ? row : place.found->id;
}

std::set<CellName> with_status(const report::Report& report, bool leaks_too) {
  std::set<CellName> names;
  for (const verdict::Finding& finding : report.judged.findings) {
    const bool fine = finding.status == verdict::Status::pass || finding.status == verdict::Status::recorded ||
                      (finding.status == verdict::Status::known_leak && !leaks_too);
    if (!fine) names.emplace(finding.scenario, finding.case_id, finding.profile);
  }
  return names;
}

}  // namespace

Result<Shard> shard_from(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto index = number_of(std::string_view(text).substr(0, slash));
  const auto of = slash == std::string::npos ? std::nullopt : number_of(std::string_view(text).substr(slash + 1));
  if (!index || !of || *of < 1 || *index < 1 || *index > *of)
    return fail(ErrorKind::usage, "--shard wants I/N with I from 1 to N, not '" + text + "'");
  return Shard{*index, *of};
}

bool in_shard(const Shard& shard, const std::string& scenario, const std::string& case_id) {
  // Of a hash, so that a case stays where it is when others come and go.
  const unsigned long number = std::stoul(sha256_hex(scenario + "/" + case_id).substr(0, 8), nullptr, 16);
  return number % static_cast<unsigned long>(shard.of) == static_cast<unsigned long>(shard.index - 1);
}

void narrow(plan::Plan& plan, const scenario::Suite& suite, const Narrowing& narrowing) {
  if (!narrowing.shard && !narrowing.only) return;
  std::set<std::pair<std::string, std::string>> cases;
  if (narrowing.only)
    for (const auto& [scenario, row, profile] : *narrowing.only)
      cases.emplace(scenario, bare_case(suite, scenario, row));
  plan::leave(plan, [&](const plan::Cell& cell) {
    if (narrowing.shard && !in_shard(*narrowing.shard, cell.scenario, bare_case(suite, cell.scenario, cell.case_id)))
      return false;
    return !narrowing.only || narrowing.only->count({cell.scenario, cell.case_id, cell.profile}) != 0;
  });
  const auto dropped = std::remove_if(plan.skips.begin(), plan.skips.end(), [&](const plan::Skip& skip) {
    if (narrowing.shard && !in_shard(*narrowing.shard, skip.scenario, skip.case_id)) return true;
    return narrowing.only && cases.count({skip.scenario, skip.case_id}) == 0;
  });
  plan.skips.erase(dropped, plan.skips.end());
}

std::set<CellName> missing_from(const plan::Plan& plan, const std::set<CellName>& only) {
  std::set<CellName> missing = only;
  for (const plan::Cell& cell : plan.cells) missing.erase({cell.scenario, cell.case_id, cell.profile});
  return missing;
}

std::string to_string(const CellName& cell) {
  const auto& [scenario, row, profile] = cell;
  return scenario + "/" + row + " [" + profile + "]";
}

std::set<CellName> not_passed(const report::Report& report) { return with_status(report, false); }

std::set<CellName> failing_or_leaking(const report::Report& report) { return with_status(report, true); }

}  // namespace egressproof::cli
