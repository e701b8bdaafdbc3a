#include "runner/cli/bundle.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "base/files.h"
#include "runner/policy/manifests.h"
#include "runner/report/printable.h"

namespace egressproof::cli {
namespace {

namespace fs = std::filesystem;

constexpr int text_width = 120;

la_ssize_t append(archive*, void* into, const void* bytes, std::size_t size) {
  static_cast<std::string*>(into)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

// Scenarios without a cell in the report are left out; profiles are needed by the file that holds them all.
std::set<fs::path> files_of(const scenario::Suite& suite, const report::Report& report) {
  std::set<std::string> names;
  for (const scenario::Fixture& one : suite.fixtures) names.insert(one.at.file);
  for (const scenario::Record& one : suite.records) names.insert(one.at.file);
  for (const scenario::Profile& one : suite.profiles) {
    names.insert(one.at.file);
    for (const scenario::PolicyObject& object : one.policies) names.insert(object.at.file);
  }
  for (const scenario::Scenario& one : suite.scenarios)
    if (std::any_of(report.judged.findings.begin(), report.judged.findings.end(),
                    [&](const verdict::Finding& finding) { return finding.scenario == one.name; }))
      names.insert(one.at.file);
  std::set<fs::path> files;
  std::error_code code;
  for (const std::string& name : names)
    if (!name.empty()) files.insert(fs::weakly_canonical(name, code));
  return files;
}

fs::path common_folder(const std::set<fs::path>& files) {
  fs::path common = files.begin()->parent_path();
  for (const fs::path& file : files)
    while (file.lexically_relative(common).string().rfind("..", 0) == 0) common = common.parent_path();
  return common;
}

std::string versions_text(const report::Report& report) {
  std::string text = "egressproof " + report.tool_version + "\nbackend " + report.backend + '\n';
  for (const auto& [name, version] : report.versions) text += name + " " + report::printable(version) + '\n';
  return text + "run " + report.run_id + "\nseed " + report::printable(report.seed) + "\nstarted " + report.started_at +
         '\n';
}

std::string script_of(const report::Report& report) {
  std::string text = "#!/bin/sh\n# Sends again, in a world of its own (the lab needs root):\n";
  for (const verdict::Finding& finding : report.judged.findings)
    text += "#   " +
            report::printable(finding.scenario + "/" + finding.case_id + " [" + finding.profile +
                              "]: " + to_string(finding.verdict) + ": " + finding.because) +
            '\n';
  return text + "# Versions under test: versions.txt. Another program: EGRESSPROOF=/path/to/egressproof ./repro.sh\n" +
         "cd \"$(dirname \"$0\")\" || exit 3\n" +
         "exec \"${EGRESSPROOF:-egressproof}\" repro --report report.json --backend " +
         report::shell_quoted(report.backend) + " \"$@\" suite\n";
}

}  // namespace

Result<Bundle> bundle_of(const scenario::Suite& suite, const report::Report& report) {
  Bundle bundle;
  const auto files = files_of(suite, report);
  if (files.empty()) return fail(ErrorKind::environment, "the suite was not read from files, which a bundle needs");
  const fs::path common = common_folder(files);
  for (const fs::path& file : files) {
    auto content = read_file(file);
    if (!content) return tl::unexpected(content.error());
    bundle["suite/" + file.lexically_relative(common).string()] = {std::move(*content), false};
  }
  std::vector<scenario::Profile> used;
  for (const scenario::Profile& profile : suite.profiles)
    if (std::count(report.profiles.begin(), report.profiles.end(), profile.name) != 0) used.push_back(profile);
  auto manifests = policy::manifests(used);
  if (!manifests) return tl::unexpected(manifests.error());
  bundle["policies.yaml"] = {std::move(*manifests), false};
  bundle["report.json"] = {report::to_json(report).dump(1) + "\n", false};
  std::ostringstream text;
  report::TextOptions how;
  how.width = text_width;
  how.verbose = true;
  report::write_text(report, how, text);
  bundle["report.txt"] = {text.str(), false};
  bundle["versions.txt"] = {versions_text(report), false};
  bundle["repro.sh"] = {script_of(report), true};
  return bundle;
}

Result<std::string> tar_gz(const Bundle& bundle, const std::string& folder) {
  std::string made;
  const std::unique_ptr<archive, int (*)(archive*)> tar(archive_write_new(), archive_write_free);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
  const auto error = [&] {
    const char* why = tar ? archive_error_string(tar.get()) : nullptr;
    return fail(ErrorKind::internal, std::string("libarchive: ") + (why == nullptr ? "no memory" : why));
  };
  // The gzip header would hold the time.
  if (!tar || !entry || archive_write_set_format_ustar(tar.get()) != ARCHIVE_OK ||
      archive_write_add_filter_gzip(tar.get()) != ARCHIVE_OK ||
      archive_write_set_filter_option(tar.get(), "gzip", "timestamp", nullptr) != ARCHIVE_OK ||
      archive_write_open(tar.get(), &made, nullptr, append, nullptr) != ARCHIVE_OK)
    return error();
  for (const auto& [path, file] : bundle) {
    archive_entry_clear(entry.get());
    archive_entry_set_pathname(entry.get(), (folder + "/" + path).c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), file.program ? 0755 : 0644);
    archive_entry_set_uid(entry.get(), 0);
    archive_entry_set_gid(entry.get(), 0);
    archive_entry_set_mtime(entry.get(), 0, 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.content.size()));
    if (archive_write_header(tar.get(), entry.get()) != ARCHIVE_OK) return error();
    if (archive_write_data(tar.get(), file.content.data(), file.content.size()) !=
        static_cast<la_ssize_t>(file.content.size()))
      return error();
  }
  if (archive_write_close(tar.get()) != ARCHIVE_OK) return error();
  return made;
}

}  // namespace egressproof::cli
