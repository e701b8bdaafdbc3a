// Reports on disk: the options that name those to be written, and reading one back.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "runner/report/write.h"

namespace egressproof::cli {

constexpr int text_file_width = 120;

struct ReportFiles {  // to write; empty: not
  std::string json, ndjson, junit, text, markdown, html, sarif, openmetrics;
};

// --json, --ndjson, --junit, --text, --markdown, --html, --sarif, --openmetrics.
void add_report_files(CLI::App& app, ReportFiles& files);

report::Outputs outputs_of(const ReportFiles& files, const report::TextOptions& text);

// A file that --json wrote. Error kind usage, naming the file: not there, no JSON, not a report of this schema.
Result<report::Report> load_report(const std::string& path);

}  // namespace egressproof::cli
