#include <unistd.h>

#include <iostream>
#include <memory>

#include "runner/cli/exit_code.h"
#include "runner/cli/report_files.h"
#include "runner/cli/terminal.h"
#include "runner/cli/verbs.h"
#include "runner/report/granularity.h"

namespace egressproof::cli {
namespace {

struct ReportOptions {
  std::string input;
  ReportFiles files;
  std::string colour = "auto";
  bool verbose = false;
  bool granularity = false;
};

bool any(const report::Outputs& outputs) {
  return outputs.json || outputs.ndjson || outputs.junit || outputs.text || outputs.markdown || outputs.html ||
         outputs.sarif || outputs.openmetrics;
}

int convert(const ReportOptions& options) {
  const auto report = load_report(options.input);
  if (!report) return fail_with(report.error());
  report::TextOptions text;
  text.verbose = options.verbose;
  text.width = text_file_width;
  const report::Outputs outputs = outputs_of(options.files, text);
  if (options.granularity) {
    report::write_granularity(report::granularity_of(*report), std::cout);
    std::cout.flush();
  } else if (!any(outputs)) {
    text.colour = use_colour(options.colour, STDOUT_FILENO);
    text.width = terminal_width(STDOUT_FILENO);
    report::write_text(*report, text, std::cout);
    std::cout.flush();
  }
  if (auto written = report::write_files(*report, outputs); !written) return fail_with(written.error());
  return run::exit_matched;
}

}  // namespace

Verb add_report(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("report", "Show a finished run, or convert its JSON report to other forms");
  auto options = std::make_shared<ReportOptions>();
  verb->add_option("INPUT", options->input, "a file that --json wrote")->type_name("FILE")->required();
  add_report_files(*verb, options->files);
  verb->add_option("--colour,--color", options->colour, "auto: on terminals, unless NO_COLOR is set")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->type_name("auto|always|never")
      ->capture_default_str()
      ->group("Reports");
  verb->add_flag("-v,--verbose", options->verbose, "explain passes too, in the text report")->group("Reports");
  verb->add_flag("--granularity", options->granularity,
                 "instead of the text report: what each layer tells apart, by the scenario `granularity`")
      ->group("Reports");
  verb->footer(
      "Without a form: the text report, on standard output. Exit code 0 if written, whatever the run's result was.\n"
      "Examples:\n"
      "  egressproof report report.json\n"
      "  egressproof report report.json --html report.html --sarif report.sarif\n"
      "  egressproof report report.json --markdown \"$GITHUB_STEP_SUMMARY\"");
  return [options] { return convert(*options); };
}

}  // namespace egressproof::cli
