#include "runner/report/write.h"

#include <functional>
#include <sstream>

#include "base/files.h"
#include "runner/report/html.h"
#include "runner/report/markdown.h"
#include "runner/report/openmetrics.h"
#include "runner/report/sarif.h"

namespace egressproof::report {

Result<void> write_file(const std::filesystem::path& path, const std::string& content) {
  if (path.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
      return fail(ErrorKind::environment,
                  "create_directories('" + path.parent_path().string() + "'): " + error.message());
  }
  return write_file_atomically(path, content);
}

Result<void> write_files(const Report& report, const Outputs& outputs) {
  std::string failures;
  const auto put = [&](const std::optional<std::filesystem::path>& path,
                       const std::function<void(std::ostream&)>& write) {
    if (!path) return;
    std::ostringstream content;
    write(content);
    const auto written = write_file(*path, content.str());
    if (!written) failures += (failures.empty() ? "" : "; ") + to_string(written.error());
  };
  put(outputs.json, [&](std::ostream& out) { out << to_json(report).dump(1) << '\n'; });
  put(outputs.ndjson, [&](std::ostream& out) { write_ndjson(report, out); });
  put(outputs.junit, [&](std::ostream& out) { write_junit(report, out); });
  put(outputs.text, [&](std::ostream& out) { write_text(report, outputs.text_options, out); });
  put(outputs.markdown, [&](std::ostream& out) { write_markdown(report, out); });
  put(outputs.html, [&](std::ostream& out) { write_html(report, out); });
  put(outputs.sarif, [&](std::ostream& out) { out << to_sarif(report).dump(1) << '\n'; });
  put(outputs.openmetrics, [&](std::ostream& out) { write_openmetrics(report, out); });
  if (!failures.empty()) return fail(ErrorKind::environment, failures);
  return {};
}

}  // namespace egressproof::report
