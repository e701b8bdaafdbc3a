#include "runner/cli/bundle.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "base/files.h"
#include "runner/backend/cluster/tar.h"
#include "runner/policy/manifests.h"
#include "runner/report/printable.h"

namespace egressproof::cli {
namespace {

namespace fs = std::filesystem;

constexpr int text_width = 120;

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

Result<void> add_suite(const scenario::Suite& suite, const report::Report& report, Bundle& bundle) {
  const auto files = files_of(suite, report);
  if (files.empty()) return fail(ErrorKind::environment, "the suite was not read from files, which a bundle needs");
  const fs::path common = common_folder(files);
  for (const fs::path& file : files) {
    auto content = read_file(file);
    if (!content) return tl::unexpected(content.error());
    bundle["suite/" + file.lexically_relative(common).string()] = {std::move(*content), false};
  }
  return {};
}

}  // namespace

Result<Bundle> bundle_of(const scenario::Suite& suite, const report::Report& report,
                         const std::map<std::string, std::string>& drafted) {
  Bundle bundle;
  for (const auto& [path, content] : drafted) bundle[path] = {content, false};
  if (drafted.empty())
    if (auto added = add_suite(suite, report, bundle); !added) return tl::unexpected(added.error());
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
  backend::cluster::TarTree tree;
  for (const auto& [path, file] : bundle)
    tree[folder + "/" + path] = {false, static_cast<mode_t>(file.program ? 0755 : 0644), file.content};
  return backend::cluster::tar_of(tree, backend::cluster::Compression::gzip);
}

}  // namespace egressproof::cli
