// The files of a run, written on every way out.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "runner/report/report.h"

namespace egressproof::report {

struct Outputs {
  std::optional<std::filesystem::path> json, ndjson, junit, text;
  TextOptions text_options;  // of the text file
};

// Each to a temporary file beside it and renamed, folders made as needed. One that cannot be written does not keep the
// others from it; the Error (kind environment) names all that failed.
Result<void> write_files(const Report& report, const Outputs& outputs);

}  // namespace egressproof::report
