// Whole-file reads and atomic writes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace egressproof {

// Errors: kind environment, naming the path and the reason.
Result<std::string> read_file(const std::filesystem::path& path);

// Writes to a temporary file in the same folder and renames it over `path`: readers see the old or the new content.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content);

}  // namespace egressproof
