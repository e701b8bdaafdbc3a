#include "runner/cli/policies.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>

#include "base/files.h"
#include "runner/report/write.h"
#include "runner/scenario/loader.h"

namespace egressproof::cli {
namespace {

namespace fs = std::filesystem;

// All at once, as the loader does.
Result<void> told(const std::vector<Diagnostic>& problems, const std::string& what) {
  if (problems.empty()) return {};
  for (const Diagnostic& one : problems) std::cerr << scenario::render(one) << '\n';
  return fail(ErrorKind::scenario,
              std::to_string(problems.size()) + (problems.size() == 1 ? " error" : " errors") + " in " + what);
}

std::string reference(const std::string& file, const std::string& output) {
  std::error_code error;
  const fs::path target = fs::canonical(file, error);
  if (output.empty()) return target.string();
  const fs::path relative = fs::relative(target, fs::weakly_canonical(output, error), error);
  return error || relative.empty() ? target.string() : relative.string();
}

// A folder of its own, gone at the end.
class Scratch {
 public:
  static Result<Scratch> create() {
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "egressproof-draft-XXXXXX").string();
    if (error || ::mkdtemp(name.data()) == nullptr)
      return tl::unexpected(system_error(ErrorKind::environment, "mkdtemp(" + name + ")"));
    return Scratch(name);
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  explicit Scratch(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

// The scenario files are gone after loading; policies are the user's own, wherever they were read from.
void place_in_manifests(const Drafted& drafted, scenario::Suite& suite) {
  for (scenario::Profile& profile : suite.profiles)
    for (scenario::PolicyObject& object : profile.policies) {
      const auto same = [&](const scenario::PolicyObject& one) {
        return one.kind == object.kind && one.name == object.name && one.ns == object.ns;
      };
      for (const draft::Manifest& one : drafted.manifests.all)
        if (same(one.object)) object.at = one.object.at;
      for (const draft::PolicySet& set : drafted.draft.policies)
        for (const draft::CopiedObject& one : set.copies)
          if (same(one.object)) object.at = one.object.at;
    }
  for (scenario::Scenario& scenario : suite.scenarios)
    for (scenario::Case& one : scenario.cases) {
      one.at = {};
      for (auto& [profile, expectation] : one.expectations) expectation.at = {};
      for (auto& [variant, row] : one.variant_expectations)
        for (auto& [profile, expectation] : row) expectation.at = {};
    }
}

// "manifests/a/b.yaml": below the folder that was given, or the file that was given alone.
std::string bundled_name(const PoliciesOptions& options, const std::string& file) {
  std::error_code error;
  const fs::path given = fs::absolute(options.policies, error).lexically_normal();
  const fs::path folder = fs::is_directory(given, error) ? given : given.parent_path();
  const fs::path read = fs::absolute(file, error).lexically_normal();
  return (fs::path("manifests") / read.lexically_proximate(folder)).string();
}

Result<Drafted> draft_with(const PoliciesOptions& options,
                           const std::function<std::string(const std::string& file)>& referenced) {
  Drafted drafted;
  drafted.manifests = draft::read_manifests(options.policies);
  if (auto read = told(drafted.manifests.problems, "manifests"); !read) return tl::unexpected(read.error());
  drafted.model = draft::interpret(drafted.manifests, options.default_ns);
  if (auto understood = told(drafted.model.problems, "manifests"); !understood)
    return tl::unexpected(understood.error());
  draft::Options how;
  how.default_ns = options.default_ns;
  how.source = options.policies;
  for (const std::string& file : drafted.manifests.files) how.referenced_as[file] = referenced(file);
  draft::ReadMatrix matrix;
  if (!options.matrix.empty()) {
    std::vector<std::string> workloads;
    for (const draft::Workload& one : drafted.model.workloads) workloads.push_back(one.ns);
    matrix = draft::read_matrix(options.matrix, workloads);
    if (auto read = told(matrix.problems, "the matrix"); !read) return tl::unexpected(read.error());
    how.matrix = &matrix.matrix;
  }
  auto made = draft::make_draft(drafted.manifests, drafted.model, how);
  if (!made) {
    write_asides(drafted, std::cerr);  // they may say why
    return tl::unexpected(made.error());
  }
  drafted.draft = std::move(*made);
  return drafted;
}

}  // namespace

void add_policies_options(CLI::App& app, PoliciesOptions& options, bool matrix) {
  app.add_option("--policies", options.policies, "your manifests: a folder, walked, or a file")
      ->type_name("DIR")
      ->group("Policies");
  app.add_option("--default-namespace", options.default_ns, "of manifests that name none")
      ->type_name("NS")
      ->capture_default_str()
      ->group("Policies");
  if (matrix)
    app.add_option("--matrix", options.matrix, "with --policies: allow or deny by workload and host:port")
        ->type_name("FILE")
        ->group("Policies");
}

Result<Drafted> draft_policies(const PoliciesOptions& options, const std::string& output) {
  return draft_with(options, [&](const std::string& file) { return reference(file, output); });
}

Result<std::map<std::string, std::string>> bundled_policies(const PoliciesOptions& options,
                                                            const report::Report& report) {
  auto drafted = draft_with(options, [&](const std::string& file) { return "../" + bundled_name(options, file); });
  if (!drafted) return tl::unexpected(drafted.error());
  std::map<std::string, std::string> files;
  for (auto& [name, content] : drafted->draft.files) files["suite/" + name] = std::move(content);
  for (const draft::Topic& topic : drafted->draft.topics)
    if (std::none_of(report.judged.findings.begin(), report.judged.findings.end(),
                     [&](const verdict::Finding& finding) { return finding.scenario == topic.name; }))
      files.erase("suite/" + topic.name + ".yaml");
  for (const std::string& file : drafted->manifests.files) {
    auto content = read_file(file);
    if (!content) return tl::unexpected(content.error());
    files[bundled_name(options, file)] = std::move(*content);
  }
  if (options.matrix.empty()) return files;
  auto matrix = read_file(options.matrix);
  if (!matrix) return tl::unexpected(matrix.error());
  files["matrix.yaml"] = std::move(*matrix);
  return files;
}

Result<scenario::Suite> load_draft(const Drafted& drafted) {
  const auto scratch = Scratch::create();
  if (!scratch) return tl::unexpected(scratch.error());
  for (const auto& [name, content] : drafted.draft.files)
    if (auto written = report::write_file(scratch->path() / name, content); !written)
      return tl::unexpected(written.error());
  scenario::Loaded loaded = scenario::load({scratch->path().string()});
  if (auto fine = told(loaded.diagnostics, "the drafted suite"); !fine) return tl::unexpected(fine.error());
  place_in_manifests(drafted, loaded.suite);
  return std::move(loaded.suite);
}

void write_asides(const Drafted& drafted, std::ostream& out) {
  for (const auto* list : {&drafted.model.asides, &drafted.draft.asides})
    for (const draft::Aside& one : *list) out << draft::place_of(one.at) << ": " << one.what << ": " << one.why << '\n';
}

}  // namespace egressproof::cli
