#include "runner/run/pipeline.h"

#include <algorithm>
#include <ctime>
#include <exception>

#include "runner/plan/parts.h"
#include "runner/run/add_part.h"
#include "runner/run/case_text.h"
#include "runner/run/exit_code.h"
#include "runner/run/stages.h"
#include "runner/verdict/verdict.h"

namespace egressproof::run {
namespace {

std::string rfc3339(std::time_t time) {
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[sizeof "2026-01-01T00:00:00Z"];
  std::strftime(text, sizeof text, "%FT%TZ", &utc);
  return text;
}

// The order, until the world is in force.
Result<void> to_in_force(Stages& stages) {
  return stages.in(Phase::open, [&] { return stages.open(); })
      .and_then([&] { return stages.in(Phase::canary, [&] { return stages.before_any_policy(); }); })
      .and_then([&] { return stages.in(Phase::apply, [&] { return stages.apply(); }); });
}

// The order, from there on.
Result<void> to_evidence(Stages& stages, const plan::Plan& plan) {
  return stages.in(Phase::controls_before, [&] { return stages.controls(plan, "before", &plan::Control::before); })
      .and_then([&] { return stages.in(Phase::probes, [&] { return stages.probes(plan); }); })
      .and_then([&] {
        return stages.in(Phase::controls_after, [&] {
          return stages.controls(plan, "after", &plan::Control::after).and_then([&] {
            return stages.canaries_again();
          });
        });
      })
      .and_then([&] { return stages.in(Phase::revocation, [&] { return stages.revoke(plan); }); });
}

// Not those that are there for others alone, as the vantage may be.
std::vector<const scenario::Profile*> with_cells(const plan::Plan& plan) {
  std::vector<const scenario::Profile*> profiles;
  for (const scenario::Profile& profile : plan.profiles)
    if (std::any_of(plan.cells.begin(), plan.cells.end(),
                    [&](const plan::Cell& cell) { return cell.profile == profile.name; }))
      profiles.push_back(&profile);
  return profiles;
}

void add_texts(report::Report& report, const scenario::Suite& suite, const plan::Plan& plan) {
  for (const scenario::Profile* profile : with_cells(plan)) {
    report.profiles.push_back(profile->name);
    report.profile_titles[profile->name] = profile->title;
    for (const scenario::PolicyObject& object : profile->policies)
      report.policies[profile->name].push_back({object.kind, object.name, object.at});
  }
  for (const plan::Cell& cell : plan.cells) {
    const bool known = std::any_of(report.cases.begin(), report.cases.end(), [&](const report::CaseText& one) {
      return one.scenario == cell.scenario && one.id == cell.case_id;
    });
    if (known) continue;
    report::CaseText text{cell.scenario, cell.case_id, {}, {}, {}, {}};
    const FoundCase place = find_case(suite, cell.scenario, cell.case_id);
    if (place.found != nullptr) {
      text.title = place.found->title;
      text.reference = place.found->reference;
      text.why = place.found->why;
      text.fix = place.found->fix;
      const bool headed = std::any_of(report.scenarios.begin(), report.scenarios.end(),
                                      [&](const auto& one) { return one.name == cell.scenario; });
      if (!headed) report.scenarios.push_back({cell.scenario, place.scenario->title, place.scenario->requirement});
    }
    report.cases.push_back(std::move(text));
  }
}

void abort(report::Report& report, const Error& error, const Options& options) {
  report.aborted = to_string(error);
  report.exit_code = exit_code_of(error.kind);
  if (error.kind == ErrorKind::interrupted && options.interrupted)
    report.exit_code = exit_signal_base + options.interrupted();
}

void run_to_report(report::Report& report, Stages& stages, const plan::Plan& plan, const Options& options) {
  Result<void> done = to_in_force(stages).and_then([&] { return to_evidence(stages, plan); });
  const bool probed = stages.collected.batches.count("probe") != 0;
  if (!done) abort(report, done.error(), options);
  if (stages.world) {
    report.versions = stages.versions;
    // What was seen is told, even by a run that ended early.
    if (probed) stages.finish(Phase::collect, [&] { return stages.collect(plan); });
    const auto closed = stages.finish(Phase::close, [&] { return stages.close(); });
    if (!closed) stages.collected.errors.push_back("the world did not close: " + to_string(closed.error()));
  }
  if (probed) {
    report.evidence = evidence::join(plan, stages.collected);
    report.judged = verdict::judge(report.evidence);
  } else {
    report.evidence.errors = stages.collected.errors;
  }
  report.seconds = stages.seconds();
}

}  // namespace

std::string to_string(Phase phase) {
  switch (phase) {
    case Phase::open:
      return "open";
    case Phase::canary:
      return "canary";
    case Phase::apply:
      return "apply";
    case Phase::controls_before:
      return "controls before";
    case Phase::probes:
      return "probes";
    case Phase::controls_after:
      return "controls after";
    case Phase::revocation:
      return "revocation";
    case Phase::collect:
      return "collect";
    case Phase::close:
      return "close";
  }
  return "open";
}

namespace {

report::Report blank(const std::string& backend, const std::string& seed, const Options& options) {
  report::Report report;
  report.tool_version = EGRESSPROOF_VERSION;
  report.run_id = options.run_id;
  report.seed = seed;
  report.backend = backend;
  report.started_at = rfc3339(std::time(nullptr));
  return report;
}

// One world after the other, until one is aborted.
void run_parts(report::Report& report, const scenario::Suite& suite, const plan::Plan& plan, backend::Backend& backend,
               const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  const std::vector<plan::Plan> parts = plan::in_parts(plan, options.pods_at_once);
  for (std::size_t i = 0; i < parts.size() && report.aborted.empty(); ++i) {
    if (options.on_part && parts.size() > 1) {
      std::vector<std::string> names;
      for (const scenario::Profile* profile : with_cells(parts[i])) names.push_back(profile->name);
      options.on_part(i + 1, parts.size(), names);
    }
    Stages stages(suite, parts[i].profiles, parts[i].extra_probes, backend, options, began);
    report::Report part;
    run_to_report(part, stages, parts[i], options);
    add_part(report, std::move(part));
  }
  order_rows(report, plan);
}

}  // namespace

report::Report not_started(const std::string& backend, const std::string& seed, const Options& options,
                           const Error& error) {
  report::Report report = blank(backend, seed, options);
  abort(report, error, options);
  return report;
}

report::Report execute(const scenario::Suite& suite, const plan::Plan& plan, backend::Backend& backend,
                       const Options& options) {
  report::Report report = blank(backend.name(), plan.seed, options);
  report.skips = plan.skips;
  add_texts(report, suite, plan);
  try {
    run_parts(report, suite, plan, backend, options);
  } catch (const std::exception& error) {
    abort(report, {ErrorKind::internal, std::string("internal error: ") + error.what(), {}}, options);
  }
  if (report.aborted.empty()) report.exit_code = report::exit_code(report);
  return report;
}

Result<Ready> bring_up(const scenario::Suite& suite, const std::vector<scenario::Profile>& profiles,
                       backend::Backend& backend, const Options& options) {
  static const std::vector<plan::ExtraProbe> none;
  Stages stages(suite, profiles, none, backend, options);
  if (auto done = to_in_force(stages); !done) return tl::unexpected(done.error());
  return Ready{std::move(stages.world), std::move(stages.applied)};
}

}  // namespace egressproof::run
