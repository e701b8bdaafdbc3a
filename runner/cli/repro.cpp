#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "base/nearest.h"
#include "runner/cli/bundle.h"
#include "runner/cli/carry_out.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/interrupt.h"
#include "runner/cli/packet_capture.h"
#include "runner/cli/policies.h"
#include "runner/cli/repro_shell.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/terminal.h"
#include "runner/cli/verbs.h"
#include "runner/report/write.h"

namespace egressproof::cli {
namespace {

constexpr const char* pod_interface = "eth0";

struct ReproOptions {
  RunOptions run;
  PoliciesOptions policies;
  std::string which, report, pcap, bundle;
  bool shell = false;
};

// "spoof/host-spoof.prefix", "host-spoof.prefix" or, for all variants, without the last part.
bool is_named(const verdict::Finding& finding, const std::string& which) {
  const std::string full = finding.scenario + "/" + finding.case_id;
  const auto fits = [&](const std::string& name) { return name == which || name.rfind(which + ".", 0) == 0; };
  return which.empty() || fits(full) || fits(finding.case_id);
}

// Failing and leaking cells of the report, of the case if one is named; of a named case without any: all.
std::set<CellName> cells_in(const report::Report& report, const ReproOptions& options) {
  const std::set<CellName> worth = failing_or_leaking(report);
  const auto& profiles = options.run.selection.profiles;
  std::set<CellName> named;
  std::set<CellName> cells;
  for (const verdict::Finding& finding : report.judged.findings) {
    const bool column = profiles.empty() || std::count(profiles.begin(), profiles.end(), finding.profile) != 0;
    if (!column || !is_named(finding, options.which)) continue;
    const CellName name{finding.scenario, finding.case_id, finding.profile};
    named.insert(name);
    if (worth.count(name) != 0) cells.insert(name);
  }
  return cells.empty() && !options.which.empty() ? named : cells;
}

std::string hint_for(const report::Report& report, const std::string& which) {
  std::vector<std::string> known;
  for (const verdict::Finding& one : report.judged.findings) {
    known.push_back(one.scenario + "/" + one.case_id);
    known.push_back(one.case_id);
  }
  const auto close = which.empty() ? std::nullopt : nearest(which, known);
  return close ? " (did you mean '" + *close + "'?)" : "";
}

// With --report the first word may be a path: no case is then meant.
void take_path(ReproOptions& options, const report::Report& report) {
  std::error_code code;
  const auto& findings = report.judged.findings;
  if (options.which.empty() || !std::filesystem::exists(options.which, code)) return;
  if (std::any_of(findings.begin(), findings.end(), [&](const auto& one) { return is_named(one, options.which); }))
    return;
  options.run.paths.insert(options.run.paths.begin(), options.which);
  options.which.clear();
}

void compare(const report::Report& was, const report::Report& now, const std::set<CellName>& cells) {
  std::size_t same = 0;
  std::vector<std::string> other;
  const auto find = [](const report::Report& report, const CellName& cell) -> const verdict::Finding* {
    for (const verdict::Finding& one : report.judged.findings)
      if (CellName{one.scenario, one.case_id, one.profile} == cell) return &one;
    return nullptr;
  };
  for (const CellName& cell : cells) {
    const verdict::Finding* before = find(was, cell);
    const verdict::Finding* after = find(now, cell);
    if (before != nullptr && after != nullptr && before->verdict == after->verdict && before->status == after->status)
      ++same;
    else
      other.push_back(to_string(cell) + ": was " + (before == nullptr ? "not there" : to_string(before->verdict)) +
                      ", is " + (after == nullptr ? "not there" : to_string(after->verdict)));
  }
  std::cout << "reproduced: " << same << " of " << cells.size() << (cells.size() == 1 ? " cell\n" : " cells\n");
  for (const std::string& line : other) std::cout << "  not " << line << '\n';
}

// Before anything is tried. Error kind usage.
Result<void> check_extras(const ReproOptions& options, const std::set<std::string>& profiles) {
  const bool here = options.run.world.backend == "lab";
  for (const auto& [wanted, name] : {std::pair{options.shell, "--shell"}, std::pair{!options.pcap.empty(), "--pcap"}}) {
    if (!wanted) continue;
    if (!here) return fail(ErrorKind::usage, std::string(name) + " goes with --backend lab: pods on this machine");
    if (profiles.size() != 1)
      return fail(ErrorKind::usage,
                  std::string(name) + " is about one pod: name one --profile, of " + std::to_string(profiles.size()));
  }
  return options.shell ? can_open_shell() : Result<void>{};
}

// From the first attempt until the controls that come after.
class Capture {
 public:
  Capture(std::string file, std::string profile) : file_(std::move(file)), profile_(std::move(profile)) {}

  void hook_into(Hooks& hooks) {
    if (file_.empty()) return;
    hooks.on_world = [this](backend::World& world) {
      const auto pods = world.pod_processes();
      if (const auto pod = pods.find(profile_); pod != pods.end()) pid_ = pod->second;
    };
    hooks.on_phase = [this](run::Phase phase) {
      if (phase == run::Phase::probes && !capture_ && !failed_) begin();
      if (phase == run::Phase::controls_after && capture_ && !packets_) end();
    };
  }

  // What is to be told; false: it failed.
  [[nodiscard]] bool tell() const {
    if (file_.empty()) return true;
    if (failed_) complain(to_string(*failed_));
    if (!failed_ && !packets_) complain("no packets were kept: the run ended before the attempt");
    if (packets_) std::cout << "packets: " << *packets_ << " in " << file_ << '\n';
    return packets_.has_value();
  }

 private:
  void begin() {
    auto started = PacketCapture::start(pid_, pod_interface, file_);
    if (started)
      capture_.emplace(std::move(*started));
    else
      failed_ = started.error();
  }
  void end() {
    if (auto stopped = capture_->stop())
      packets_ = *stopped;
    else
      failed_ = stopped.error();
  }

  std::string file_, profile_;
  int pid_ = 0;
  std::optional<PacketCapture> capture_;
  std::optional<std::uint64_t> packets_;
  std::optional<Error> failed_;
};

Result<void> write_bundle(const ReproOptions& options, const scenario::Suite& suite, const report::Report& report) {
  std::map<std::string, std::string> drafted;
  if (!options.policies.policies.empty()) {
    auto files = bundled_policies(options.policies, report);
    if (!files) return tl::unexpected(files.error());
    drafted = std::move(*files);
  }
  const auto bundle = bundle_of(suite, report, drafted);
  if (!bundle) return tl::unexpected(bundle.error());
  std::string folder = std::filesystem::path(options.bundle).filename().string();
  for (const char* ending : {".gz", ".tgz", ".tar"})
    if (const std::size_t size = std::string_view(ending).size();
        folder.size() > size && folder.compare(folder.size() - size, size, ending) == 0)
      folder.resize(folder.size() - size);
  const auto bytes = tar_gz(*bundle, folder);
  if (!bytes) return tl::unexpected(bytes.error());
  if (auto written = report::write_file(options.bundle, *bytes); !written) return written;
  std::cout << "bundle: " << options.bundle << " (" << bundle->size() << " files)\n";
  return {};
}

// Scenario files, or what is drafted from manifests, which is kept for its findings.
Result<scenario::Suite> load(const ReproOptions& options, std::optional<Drafted>& drafted) {
  const PoliciesOptions& policies = options.policies;
  if (policies.policies.empty()) {
    if (!policies.matrix.empty()) return fail(ErrorKind::usage, "--matrix goes with --policies");
    return load_suite(options.run.paths);
  }
  if (!options.run.paths.empty())
    return fail(ErrorKind::usage, "--policies drafts a suite of its own: give no scenario files beside it");
  auto made = draft_policies(policies, "");
  if (!made) return tl::unexpected(made.error());
  write_asides(*made, std::cerr);
  drafted = std::move(*made);
  return load_draft(*drafted);
}

int repro(ReproOptions options) {
  catch_interrupts();
  std::optional<report::Report> was;
  Narrowing narrowing;
  if (!options.report.empty()) {
    auto loaded = load_report(options.report);
    if (!loaded) return fail_with(loaded.error());
    was = std::move(*loaded);
    take_path(options, *was);
    narrowing.only = cells_in(*was, options);
    if (narrowing.only->empty()) {
      complain("'" + options.report + "' has no " +
               (options.which.empty() ? "failing or leaking cell" : "cell '" + options.which + "'") + " here" +
               hint_for(*was, options.which));
      return run::exit_nothing_ran;
    }
    if (options.run.seed.empty()) options.run.seed = was->seed;
  } else if (options.which.empty()) {
    return fail_with({ErrorKind::usage, "a case is needed, or --report FILE", {}});
  } else {
    options.run.selection.cases = {options.which};
  }
  std::optional<Drafted> drafted;
  const auto suite = load(options, drafted);
  if (!suite) return fail_with(suite.error());
  auto tried = plan::make(*suite, options.run.selection, all_capabilities(*suite), "check");
  if (!tried) return fail_with(tried.error());
  narrow(*tried, *suite, narrowing);
  if (narrowing.only)
    for (const CellName& cell : missing_from(*tried, *narrowing.only))
      complain("the suite has no cell " + to_string(cell) + "; name the scenario files of that run, or its --policies");
  std::set<std::string> profiles;
  for (const plan::Cell& cell : tried->cells) profiles.insert(cell.profile);
  if (auto right = check_extras(options, profiles); !right) return fail_with(right.error());

  const std::string seed = seed_of(options.run);
  Hooks hooks;
  Capture capture(options.pcap, profiles.empty() ? "" : *profiles.begin());
  capture.hook_into(hooks);
  const auto report = carry_out_once(*suite, options.run, seed, narrowing, hooks);
  if (!report) return fail_with(report.error());
  int code = finish(*report, options.run);
  if (drafted && !options.run.quiet) write_findings(*report, *drafted, options.policies, std::cout);
  if (was && !options.run.quiet) compare(*was, *report, *narrowing.only);
  if (!capture.tell() && code == run::exit_matched) code = run::exit_environment;
  if (!options.bundle.empty())
    if (auto written = write_bundle(options, *suite, *report); !written) {
      const int failed = fail_with(written.error());
      if (code == run::exit_matched) code = failed;
    }
  if (options.shell && report->aborted.empty())
    if (auto opened = open_shell(*suite, options.run, seed, narrowing); !opened) return fail_with(opened.error());
  return code;
}

}  // namespace

Verb add_repro(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("repro", "Repeat a case with its control; show each witness and the curl line");
  auto options = std::make_shared<ReproOptions>();
  verb->add_option("CASE", options->which, "SCENARIO/CASE, or CASE; with --report it may be left out");
  verb->add_option("PATHS", options->run.paths, "scenario files and folders; default: the folder 'scenarios'");
  add_policies_options(*verb, options->policies, true);
  add_profiles(*verb, options->run.selection.profiles, "a column; may be repeated; default: all of the case")
      ->group("Selection");
  verb->add_option("--report", options->report, "a JSON report: each of its cells that failed or leaked, or CASE there")
      ->type_name("FILE")
      ->group("Selection");
  verb->add_flag("--shell", options->shell, "then a shell in the pod, with the line that sends the same")
      ->group("Reproduction");
  verb->add_option("--pcap", options->pcap, "keep the packets of the pod during the attempt")
      ->type_name("FILE")
      ->group("Reproduction");
  verb->add_option("--bundle", options->bundle, "policies, evidence, versions and a script, for a bug report")
      ->type_name("FILE.tar.gz")
      ->group("Reproduction");
  add_world_options(*verb, options->run.world);
  add_run_options(*verb, options->run);
  verb->footer(
      "Examples:\n"
      "  egressproof repro spoof/host-spoof-other-ip --profile P4 --shell\n"
      "  egressproof repro spoof/sni-spoof-other-ip --profile P4 --pcap sni.pcap --bundle sni.tar.gz\n"
      "  egressproof repro --policies deploy/ --report last-night.json");
  return [options] {
    options->run.verbose = true;
    return repro(*options);
  };
}

}  // namespace egressproof::cli
