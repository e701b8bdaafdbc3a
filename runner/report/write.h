// The files of a run, written on every way out.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "runner/report/report.h"

namespace egressproof::report {

struct Outputs {
  std::optional<std::filesystem::path> json, ndjson, junit, text, markdown, html, sarif, openmetrics;
  TextOptions text_options;  // of the text file
};

// One file; the folder is made as needed. Error kind environment.
Result<void> write_file(const std::filesystem::path& path, const std::string& content);

// Each to a temporary file beside it and renamed, folders made as needed. One that cannot be written does not keep the
// others from it; the Error (kind environment) names all that failed.
Result<void> write_files(const Report& report, const Outputs& outputs);

}  // namespace egressproof::report
