#include <unistd.h>

#include <iostream>
#include <memory>

#include "base/files.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/report_files.h"
#include "runner/cli/terminal.h"
#include "runner/cli/verbs.h"
#include "runner/report/diff.h"

namespace egressproof::cli {
namespace {

struct DiffVerbOptions {
  std::string a, b, known, json;
  bool selection = false;
};

int diff(const DiffVerbOptions& options) {
  report::DiffOptions how;
  how.selection = options.selection;
  if (!options.known.empty()) {
    const auto text = read_file(options.known);
    if (!text) return fail_with(Error{ErrorKind::usage, to_string(text.error()), {}});
    auto known = report::known_differences(options.known, *text);
    if (!known) return fail_with(known.error());
    how.known = std::move(*known);
  }
  const auto a = load_report(options.a);
  if (!a) return fail_with(a.error());
  const auto b = load_report(options.b);
  if (!b) return fail_with(b.error());
  const report::Comparison comparison = report::compare(*a, *b, how);
  report::write_diff(comparison, static_cast<std::size_t>(terminal_width(STDOUT_FILENO)), std::cout);
  std::cout.flush();
  if (!options.json.empty())
    if (auto written = report::write_file(options.json, report::diff_json(comparison).dump(1) + "\n"); !written)
      return fail_with(written.error());
  return report::worse(comparison) ? run::exit_mismatch : run::exit_matched;
}

}  // namespace

Verb add_diff(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("diff", "Compare two runs cell by cell: what got worse, what got better");
  auto options = std::make_shared<DiffVerbOptions>();
  verb->add_option("A", options->a, "JSON report of the run before")->type_name("FILE")->required();
  verb->add_option("B", options->b, "JSON report of the run after")->type_name("FILE")->required();
  verb->add_option("--json", options->json, "the comparison with both runs' evidence")->type_name("FILE");
  verb->add_option("--known", options->known, "YAML list of {case, profile, backends, reason, reference}")
      ->type_name("FILE");
  verb->add_flag("--selection", options->selection, "B ran a part of A on purpose: what is missing is not worse");
  verb->footer(
      "Exit codes: 0 nothing got worse, 1 something did, 2 usage, 3 the comparison could not be written\n"
      "Examples:\n"
      "  egressproof diff yesterday.json today.json\n"
      "  egressproof diff lab.json cluster.json --known known-differences.yaml\n"
      "  egressproof diff full.json spoof-only.json --selection --json diff.json");
  return [options] { return diff(*options); };
}

}  // namespace egressproof::cli
