#include "runner/cli/carry_out.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "base/crypto.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/progress.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/terminal.h"
#include "runner/report/write.h"
#include "runner/run/pipeline.h"

namespace egressproof::cli {
void add_run_options(CLI::App& app, RunOptions& options) {
  add_report_files(app, options.files);
  app.add_option("--colour,--color", options.colour, "auto: on terminals, unless NO_COLOR is set")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->type_name("auto|always|never")
      ->capture_default_str()
      ->group("Reports");
  app.add_flag("-v,--verbose", options.verbose, "explain passes too")->group("Reports");
  app.add_flag("-q,--quiet", options.quiet, "neither progress nor the text report")->group("Reports");
  app.add_flag("--keep", options.keep, "keep the world's work folder with logs and configuration")->group("World");
  app.add_option("--seed", options.seed, "of the nonces; default: random")->type_name("TEXT")->group("World");
  app.add_option("--in-force-within", options.enforcement_seconds, "limit for policies to be in force")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 3600).description(""))
      ->capture_default_str()
      ->group("World");
  app.add_option("--deadline", options.deadline_seconds, "limit for the whole run; 0: none")
      ->type_name("SECONDS")
      ->check(CLI::Range(0, 86400).description(""))
      ->capture_default_str()
      ->group("World");
}

namespace {

bool has_network_policy(const scenario::Suite& suite, const plan::Selection& selection) {
  const auto& picked = selection.profiles;
  return std::any_of(suite.profiles.begin(), suite.profiles.end(), [&](const scenario::Profile& profile) {
    return (picked.empty() || std::find(picked.begin(), picked.end(), profile.name) != picked.end()) &&
           std::any_of(profile.policies.begin(), profile.policies.end(),
                       [](const scenario::PolicyObject& object) { return object.kind == "NetworkPolicy"; });
  });
}

}  // namespace

std::string seed_of(const RunOptions& options) { return options.seed.empty() ? random_hex(8) : options.seed; }

Result<void> check_selection(const scenario::Suite& suite, const RunOptions& options) {
  const auto tried = plan::make(suite, options.selection, all_capabilities(suite), "check");
  return tried ? Result<void>{} : tl::unexpected(tried.error());
}

Result<report::Report> carry_out_once(const scenario::Suite& suite, const RunOptions& options, const std::string& seed,
                                      const Narrowing& narrowing, const Hooks& hooks) {
  run::Options how;
  how.run_id = random_hex(4);
  how.keep = options.keep;
  how.enforcement_limit = std::chrono::seconds(options.enforcement_seconds);
  how.deadline = std::chrono::seconds(options.deadline_seconds);
  how.interrupted = interrupted;
  how.stop_at_failed_control = options.fail_fast;
  how.pods_at_once = pods_at_once(options.world);
  how.on_world = hooks.on_world;
  WorldOptions world = options.world;
  world.kind.quiet = options.quiet;
  world.check_network_policy = has_network_policy(suite, options.selection);
  auto backend = make_backend(world, how.run_id);
  if (!backend) return tl::unexpected(backend.error());

  Progress progress(Progress::style_for(options.quiet), terminal_width(STDERR_FILENO), hooks.progress_before);
  how.on_phase = [&](run::Phase phase, const std::string& detail) {
    progress.tell(phase, detail);
    if (hooks.on_phase) hooks.on_phase(phase);
  };
  how.on_part = [&](std::size_t number, std::size_t of, const std::vector<std::string>& profiles) {
    progress.begin_part(number, of, profiles);
  };
  std::string kept;
  if (options.keep) how.on_folder = [&](const std::string& folder) { kept = folder; };
  const auto capabilities = (*backend)->detect();
  if (!capabilities) return run::not_started((*backend)->name(), seed, how, capabilities.error());
  auto plan = plan::make(suite, options.selection, *capabilities, seed);
  if (!plan) return tl::unexpected(plan.error());
  narrow(*plan, suite, narrowing);
  report::Report report = run::execute(suite, *plan, **backend, how);
  progress.end();
  if (!kept.empty()) std::cerr << "kept: " << kept << '\n';
  return report;
}

int finish(const report::Report& report, const RunOptions& options) {
  report::TextOptions text;
  text.colour = use_colour(options.colour, STDOUT_FILENO);
  text.width = terminal_width(STDOUT_FILENO);
  text.verbose = options.verbose;
  if (!options.quiet) report::write_text(report, text, std::cout);
  std::cout.flush();
  report::TextOptions file;
  file.width = text_file_width;
  file.verbose = options.verbose;
  const report::Outputs outputs = outputs_of(options.files, file);
  if (auto written = report::write_files(report, outputs); !written) {
    const int code = fail_with(written.error());
    // A report that is missing must not look like a success.
    return report.exit_code == 0 ? code : report.exit_code;
  }
  if (!report.aborted.empty()) complain("run aborted: " + report.aborted);
  return report.exit_code;
}

}  // namespace egressproof::cli
