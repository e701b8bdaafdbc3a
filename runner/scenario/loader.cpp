#include "runner/scenario/loader.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/files.h"
#include "runner/scenario/kinds.h"
#include "runner/scenario/past_proxy.h"

namespace egressproof::scenario {
namespace {

namespace fs = std::filesystem;

constexpr const char* api_version = "egressproof/v1";
const std::vector<std::string> kinds{"Fixtures", "Profiles", "Scenario"};

bool is_yaml(const fs::path& path) { return path.extension() == ".yaml" || path.extension() == ".yml"; }

void walk(Problems& problems, const std::string& folder, std::vector<std::string>& files) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (path.filename() == "policies") entry.disable_recursion_pending();
    } else if (is_yaml(path) && entry->is_regular_file(ignored)) {
      found.push_back(path.string());
    }
  }
  if (error) problems.add({folder, 0, 0}, "cannot be walked: " + error.message());
  if (!error && found.empty()) problems.add({folder, 0, 0}, "no *.yaml or *.yml file in this folder");
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
}

// In the order given, each file once however it was reached.
std::vector<std::string> collect(Problems& problems, const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  if (paths.empty()) problems.add({}, "no scenario file or folder is given");
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status))
      problems.add({path, 0, 0}, "cannot be read: " + (error ? error.message() : "No such file or directory"));
    else if (fs::is_directory(status))
      walk(problems, path, files);
    else if (!fs::is_regular_file(status))
      problems.add({path, 0, 0}, "cannot be read: not a regular file or folder");
    else
      files.push_back(path);
  }
  std::set<std::string> seen;
  std::erase_if(files, [&](const std::string& file) {
    std::error_code error;
    const fs::path canonical = fs::canonical(file, error);
    return !seen.insert(error ? file : canonical.string()).second;
  });
  return files;
}

struct Sorted {
  std::vector<Node> fixtures, profiles, scenarios;
  bool complete = true;  // false: some document could not be read, whatever kind it is
};

void sort_in(Problems& problems, Document& document, Sorted& sorted) {
  Node& root = document.root;
  if (root.kind != Node::Kind::map) {
    problems.add(root.at, "a document must be a map with 'apiVersion' and 'kind'");
    sorted.complete = false;
    return;
  }
  std::string version;
  std::string kind;
  for (const auto& [key, value] : {std::pair{"apiVersion", &version}, {"kind", &kind}}) {
    const Node* node = find(root, key);
    if (node == nullptr)
      problems.add(root.at, "'" + std::string(key) + "' is missing");
    else if (node->kind != Node::Kind::null)  // told by the kind's reader
      *value = read_text(problems, *node, "'" + std::string(key) + "'").value_or("");
  }
  if (!version.empty() && version != api_version)
    problems.add(find(root, "apiVersion")->at,
                 "apiVersion must be '" + std::string(api_version) + "', not '" + version + "'");
  if (kind == "Fixtures")
    sorted.fixtures.push_back(std::move(root));
  else if (kind == "Profiles")
    sorted.profiles.push_back(std::move(root));
  else if (kind == "Scenario")
    sorted.scenarios.push_back(std::move(root));
  else {
    sorted.complete = false;
    if (!kind.empty())
      problems.add(find(root, "kind")->at, "unknown kind '" + kind + "'; there are " + one_of(kinds),
                   did_you_mean(kind, kinds));
  }
}

Sorted parse_files(Problems& problems, const std::vector<std::string>& files) {
  Sorted sorted;
  for (const std::string& file : files) {
    auto text = read_file(file);
    if (!text) {
      const std::string& reason = text.error().message;
      problems.add({file, 0, 0}, "cannot be read: " + reason.substr(reason.rfind(": ") + 2));
      sorted.complete = false;
      continue;
    }
    ParsedYaml parsed = parse_yaml(file, std::move(*text));
    for (Diagnostic& problem : parsed.problems) problems.add(std::move(problem));
    if (!parsed.problems.empty()) {
      sorted.complete = false;
      continue;  // what stands before a syntax error would only give problems that follow from it
    }
    bool empty = true;
    for (Document& document : parsed.documents) {
      if (document.root.kind == Node::Kind::null) continue;
      empty = false;
      sort_in(problems, document, sorted);
    }
    if (empty) problems.add({file, 0, 0}, "holds no document");
  }
  return sorted;
}

void exactly_one(Problems& problems, const std::vector<Node>& found, const std::string& kind,
                 const std::vector<std::string>& paths, bool complete) {
  if (found.empty() && complete)
    problems.add({paths.empty() ? "" : paths.front(), 0, 0}, "no document of kind " + kind);
  for (std::size_t i = 1; i < found.size(); ++i)
    problems.add(found[i].at, "a second document of kind " + kind + "; the first is at " + to_string(found[0].at));
}

void order(std::vector<Diagnostic>& diagnostics, const std::vector<std::string>& paths,
           const std::vector<std::string>& files) {
  const auto rank = [&](const Diagnostic& one) {
    // Paths as a whole first, then the files in the order of reading, then policy files.
    if (one.at.line == 0 && std::find(paths.begin(), paths.end(), one.at.file) != paths.end()) return std::size_t{0};
    const auto at = std::find(files.begin(), files.end(), one.at.file);
    return 1 + static_cast<std::size_t>(at - files.begin());
  };
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& a, const Diagnostic& b) {
    const std::size_t rank_a = rank(a);
    const std::size_t rank_b = rank(b);
    return std::tie(rank_a, a.at.file, a.at.line, a.at.column) < std::tie(rank_b, b.at.file, b.at.line, b.at.column);
  });
}

}  // namespace

Loaded load(const std::vector<std::string>& paths) {
  Problems problems;
  const std::vector<std::string> files = collect(problems, paths);
  const Sorted sorted = parse_files(problems, files);
  const bool complete = sorted.complete && !files.empty();
  exactly_one(problems, sorted.fixtures, "Fixtures", paths, complete);
  exactly_one(problems, sorted.profiles, "Profiles", paths, complete);
  if (sorted.scenarios.empty() && complete)
    problems.add({paths.empty() ? "" : paths.front(), 0, 0}, "no document of kind Scenario");

  Loaded loaded;
  Known known;
  if (!sorted.fixtures.empty()) {
    read_fixtures(problems, sorted.fixtures.front(), loaded.suite);
    known.fixtures = sorted.fixtures.size() == 1;
  }
  if (!sorted.profiles.empty()) {
    read_profiles(problems, sorted.profiles.front(), known, loaded.suite);
    known.profiles = sorted.profiles.size() == 1;
  }
  for (const Node& scenario : sorted.scenarios) read_scenario(problems, scenario, known, loaded.suite);
  add_past_proxy(loaded.suite);
  loaded.diagnostics = problems.take();
  order(loaded.diagnostics, paths, files);
  return loaded;
}

}  // namespace egressproof::scenario
