#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>

#include "base/files.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/policies.h"
#include "runner/cli/verbs.h"
#include "runner/report/printable.h"
#include "runner/report/write.h"

namespace egressproof::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_asides = 50;  // more are only counted

struct InitOptions {
  PoliciesOptions policies;
  std::string output = "egressproof";
  bool force = false, quiet = false;
};

enum class Change { same, created, changed };

Change change_of(const fs::path& path, const std::string& content) {
  std::error_code error;
  if (!fs::exists(path, error)) return Change::created;
  const auto there = read_file(path);
  return there && *there == content ? Change::same : Change::changed;
}

std::size_t lines_that_differ(const std::string& one, const std::string& other) {
  std::istringstream left(one);
  std::istringstream right(other);
  std::string a;
  std::string b;
  std::size_t count = 0;
  for (;;) {
    const bool has_a = static_cast<bool>(std::getline(left, a));
    const bool has_b = static_cast<bool>(std::getline(right, b));
    if (!has_a && !has_b) return count;
    if (has_a != has_b || a != b) ++count;
  }
}

void write_understood(const Drafted& drafted) {
  std::cout << "understood\n";
  for (const draft::Aside& one : drafted.model.understood)
    std::cout << "  " << draft::place_of(one.at) << ": " << report::printable(one.what) << '\n';
  bool changes = false;
  for (const draft::PolicySet& set : drafted.draft.policies)
    for (const draft::CopiedObject& one : set.copies)
      for (const std::string& change : one.changes) {
        if (!changes) std::cout << "changed in the copies that the lab gets\n";
        changes = true;
        std::cout << "  " << draft::place_of(one.object.at) << ": " << report::printable(change) << '\n';
      }
  if (drafted.model.asides.empty() && drafted.draft.asides.empty()) return;
  std::cout << "not understood, or not used\n";
  std::ostringstream asides;
  write_asides(drafted, asides);
  std::istringstream lines(asides.str());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    if (count < most_asides) std::cout << "  " << report::printable(line) << '\n';
  if (count > most_asides) std::cout << "  ... and " << count - most_asides << " more\n";
}

void write_counts(const Drafted& drafted, const std::string& output) {
  std::size_t rows = 0;
  std::size_t cells = 0;
  for (const draft::Topic& topic : drafted.draft.topics) {
    rows += topic.rows.size();
    for (const draft::Row& row : topic.rows) cells += row.cells.size();
  }
  std::cout << "drafted " << drafted.model.workloads.size() << " workload"
            << (drafted.model.workloads.size() == 1 ? "" : "s") << ", " << rows << " cases, " << cells << " cells in "
            << output << "\nrun them: egressproof run " << report::shell_quoted(output) << '\n';
}

int init(const InitOptions& options) {
  if (options.policies.policies.empty())
    return fail_with({ErrorKind::usage, "--policies is required: the folder of your manifests", {}});
  const auto drafted = draft_policies(options.policies, options.output);
  if (!drafted) return fail_with(drafted.error());
  if (!options.quiet) write_understood(*drafted);
  std::vector<std::string> edited;
  const fs::path folder = options.output;
  for (const auto& [name, content] : drafted->draft.files)
    if (change_of(folder / name, content) == Change::changed) {
      const auto there = read_file(folder / name);
      edited.push_back((folder / name).string() + ": " +
                       std::to_string(lines_that_differ(there.value_or(""), content)) + " lines would change");
    }
  if (!edited.empty() && !options.force) {
    for (const std::string& one : edited) std::cerr << one << '\n';
    return fail_with({ErrorKind::usage,
                      "these files are there and differ, by your edits or by newer manifests; nothing was written "
                      "(--force overwrites them, --output DIR drafts elsewhere)",
                      {}});
  }
  for (const auto& [name, content] : drafted->draft.files) {
    if (change_of(folder / name, content) == Change::same) continue;
    if (auto written = report::write_file(folder / name, content); !written) return fail_with(written.error());
  }
  write_counts(*drafted, options.output);
  return run::exit_matched;
}

}  // namespace

Verb add_init(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("init", "Draft a matrix from your own manifests");
  auto options = std::make_shared<InitOptions>();
  add_policies_options(*verb, options->policies, false);
  verb->add_option("--output", options->output, "folder of the draft")->type_name("DIR")->capture_default_str();
  verb->add_flag("--force", options->force, "overwrite what is there and differs");
  verb->add_flag("-q,--quiet", options->quiet, "do not list what was understood");
  verb->footer(
      "Exit codes: 0 drafted, 2 usage, errors in manifests, or a draft with edits is there\n"
      "Examples:\n"
      "  egressproof init --policies deploy/\n"
      "  egressproof init --policies deploy/ --output egress-tests --force\n"
      "  kustomize build overlays/prod > all.yaml; egressproof init --policies all.yaml");
  return [options] { return init(*options); };
}

}  // namespace egressproof::cli
