#include "runner/cli/report_files.h"

#include "base/files.h"
#include "runner/report/printable.h"
#include "runner/report/read.h"

namespace egressproof::cli {

void add_report_files(CLI::App& app, ReportFiles& files) {
  const auto file = [&](const char* name, std::string& value, const char* what) {
    app.add_option(name, value, what)->type_name("FILE")->group("Reports");
  };
  file("--json", files.json, "whole report, with its schema");
  file("--ndjson", files.ndjson, "one line a cell");
  file("--junit", files.junit, "for CI servers");
  file("--text", files.text, "as on the terminal");
  file("--markdown", files.markdown, "for the summary page of a CI job");
  file("--html", files.html, "one page with everything, to look through");
  file("--sarif", files.sarif, "findings by policy, for code scanning");
  file("--openmetrics", files.openmetrics, "numbers, for a textfile collector");
}

report::Outputs outputs_of(const ReportFiles& files, const report::TextOptions& text) {
  report::Outputs outputs;
  outputs.text_options = text;
  const auto put = [](const std::string& file, std::optional<std::filesystem::path>& path) {
    if (!file.empty()) path = file;
  };
  put(files.json, outputs.json);
  put(files.ndjson, outputs.ndjson);
  put(files.junit, outputs.junit);
  put(files.text, outputs.text);
  put(files.markdown, outputs.markdown);
  put(files.html, outputs.html);
  put(files.sarif, outputs.sarif);
  put(files.openmetrics, outputs.openmetrics);
  return outputs;
}

Result<report::Report> load_report(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return fail(ErrorKind::usage, to_string(text.error()));
  Json json;
  try {
    json = Json::parse(*text);
  } catch (const Json::exception& error) {
    return fail(ErrorKind::usage, "'" + path + "' is not JSON: " + report::printable(error.what()));
  }
  auto read = report::from_json(json);
  if (!read) return fail(ErrorKind::usage, "'" + path + "' is " + read.error().message);
  return read;
}

}  // namespace egressproof::cli
