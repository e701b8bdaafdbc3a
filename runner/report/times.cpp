#include "runner/report/times.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ostream>

#include "runner/report/explain.h"

namespace egressproof::report {
namespace {

// In the order in which a run goes through them; others follow by name.
constexpr std::array phase_order = {"open",       "canary",  "apply", "controls_before", "probes", "controls_after",
                                    "revocation", "collect", "close"};

std::chrono::microseconds since(policy::TimePoint start, policy::TimePoint end) {
  return std::max(end - start, policy::TimePoint{0});
}

void write_phases(const Report& report, std::size_t width, std::ostream& out) {
  std::vector<std::pair<std::string, double>> phases;
  auto rest = report.seconds;
  const auto move = [&](const std::string& name) {
    if (auto node = rest.extract(name)) phases.emplace_back(node.key(), node.mapped());
  };
  for (const auto* name : phase_order) move(name);
  const auto total = rest.extract("total");
  while (!rest.empty()) move(rest.begin()->first);
  double all = 0;
  std::vector<std::string> parts;
  const auto seconds = [](double count) { return fmt::format("{:.2f} s", count); };
  for (const auto& [name, took] : phases) {
    all += took;
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    parts.push_back(words + " " + seconds(took));
  }
  if (total) all = total.mapped();
  write_field("run", seconds(all) + (parts.empty() ? "" : ": " + joined(parts, ", ")), width, out);
}

void write_turns(const char* label, const std::vector<policy::CanaryTurn>& turns, std::size_t width,
                 std::ostream& out) {
  if (turns.empty()) return;
  const TurnTimes times = turn_times(turns);
  std::string text = std::string(label) + " ";
  if (times.seen > 0)
    text += fmt::format("P50 {}, P99 {}, max {} over {} profile{} (slowest {})", duration_text(times.p50),
                        duration_text(times.p99), duration_text(times.max), times.seen, times.seen == 1 ? "" : "s",
                        times.slowest);
  const auto add = [&](const char* what, const std::vector<std::string>& profiles) {
    if (!profiles.empty()) text += (text.back() == ' ' ? "" : "; ") + std::string(what) + joined(profiles, ", ");
  };
  add("NOT SEEN: ", times.not_seen);
  add("LOST AGAIN: ", times.lost);
  write_field("", text, width, out);
}

}  // namespace

TurnTimes turn_times(const std::vector<policy::CanaryTurn>& turns) {
  TurnTimes times;
  std::vector<std::chrono::microseconds> took;
  for (const auto& turn : turns) {
    if (!turn.turned) {
      (turn.lost_at.count() > 0 ? times.lost : times.not_seen).push_back(turn.profile);
      continue;
    }
    took.push_back(since(turn.changed_at, turn.first_new));
    if (took.size() == 1 || took.back() > times.max) {
      times.max = took.back();
      times.slowest = turn.profile;
    }
  }
  times.seen = took.size();
  if (took.empty()) return times;
  std::sort(took.begin(), took.end());
  const auto rank = [&](std::size_t percent) { return took[(percent * took.size() + 99) / 100 - 1]; };
  times.p50 = rank(50);
  times.p99 = rank(99);
  return times;
}

void write_times(const Report& report, std::size_t width, std::ostream& out) {
  if (report.seconds.empty() && report.evidence.policies.empty()) return;
  out << "\ntimes\n";
  if (!report.seconds.empty()) write_phases(report, width, out);
  const auto& policies = report.evidence.policies;
  for (std::size_t world = 0; world < policies.size(); ++world) {
    const policy::Applied& one = policies[world];
    const std::string which = policies.size() > 1 ? fmt::format("world {} of {}, ", world + 1, policies.size()) : "";
    const auto after = [&](policy::TimePoint at) { return duration_text(since(one.applied_at, at)); };
    write_field(
        "policies",
        fmt::format(
            "{}generation {}: {}{}; {}", which, one.generation,
            one.acknowledged_at.count() > 0 ? "acknowledged " + after(one.acknowledged_at) + " after it was applied"
                                            : "NOT ACKNOWLEDGED",
            one.in_force_at.count() > 0 ? ", in force after " + after(one.in_force_at) : ", NOT IN FORCE", one.because),
        width, out);
    write_turns("enforcement (allowed -> denied)", one.enforcement, width, out);
    write_turns("admission (denied -> allowed)", one.admission, width, out);
    write_turns("revocation (allowed -> denied)", one.revocation, width, out);
  }
}

}  // namespace egressproof::report
