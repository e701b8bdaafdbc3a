#include "runner/draft/matrix.h"

#include <algorithm>
#include <set>

#include "base/files.h"
#include "runner/scenario/reader.h"
#include "runner/scenario/scalars.h"

namespace egressproof::draft {
namespace {

using scenario::Node;
using scenario::Problems;

void read_cells(Problems& problems, const scenario::Entry& workload, Matrix& matrix) {
  const std::string& ns = workload.key.text;
  std::set<std::string> seen;
  for (const scenario::Entry* entry : scenario::read_entries(problems, workload.value, "'" + ns + "'")) {
    const auto target = scenario::parse_host_port(entry->key.text);
    if (!target || !scenario::is_dns_name(target->host, false) || scenario::canonical_address(target->host)) {
      problems.add(entry->key.at, "'" + entry->key.text + "' must be NAME:PORT, a DNS name and a port from 1 to 65535");
      continue;
    }
    const auto word = scenario::read_text(problems, entry->value, "'" + entry->key.text + "'");
    if (!word) continue;
    if (*word != "allow" && *word != "deny") {
      problems.add(entry->value.at, "'" + *word + "' must be 'allow' or 'deny'",
                   scenario::did_you_mean(*word, {"allow", "deny"}));
      continue;
    }
    MatrixCell cell{scenario::folded_name(target->host), target->port, *word == "allow", entry->key.at};
    if (!seen.insert(cell.host + ":" + std::to_string(cell.port)).second)
      problems.add(entry->key.at, "'" + entry->key.text + "' stands here twice");
    matrix.workloads[ns].push_back(std::move(cell));
  }
}

void read_root(Problems& problems, const Node& root, const std::vector<std::string>& workloads, Matrix& matrix) {
  scenario::MapReader map(problems, root, "a Matrix");
  std::string version;
  std::string kind;
  map.text("apiVersion", version, scenario::Need::required);
  map.text("kind", kind, scenario::Need::required);
  if (!version.empty() && version != "egressproof/v1")
    problems.add(map.key_at("apiVersion"), "apiVersion must be 'egressproof/v1', not '" + version + "'");
  if (!kind.empty() && kind != "Matrix")
    problems.add(map.key_at("kind"), "kind must be 'Matrix', not '" + kind + "'",
                 scenario::did_you_mean(kind, {"Matrix"}));
  if (const Node* all = map.take("workloads", scenario::Need::required))
    for (const scenario::Entry* entry : scenario::read_entries(problems, *all, "'workloads'")) {
      const std::string& ns = entry->key.text;
      if (std::find(workloads.begin(), workloads.end(), ns) == workloads.end())
        problems.add(entry->key.at, "no workload in namespace '" + ns + "'", scenario::did_you_mean(ns, workloads));
      matrix.named_at.try_emplace(ns, entry->key.at);
      read_cells(problems, *entry, matrix);
    }
  map.finish();
}

}  // namespace

ReadMatrix read_matrix(const std::string& path, const std::vector<std::string>& workloads) {
  ReadMatrix read;
  Problems problems;
  auto text = read_file(path);
  if (!text) {
    problems.add({path, 0, 0}, text.error().message);
  } else {
    const scenario::ParsedYaml parsed = scenario::parse_yaml(path, std::move(*text));
    for (const Diagnostic& one : parsed.problems) problems.add(one);
    if (parsed.problems.empty() && parsed.documents.size() != 1)
      problems.add({path, 0, 0}, "a matrix is one document");
    else if (parsed.problems.empty())
      read_root(problems, parsed.documents.front().root, workloads, read.matrix);
  }
  read.problems = problems.take();
  return read;
}

}  // namespace egressproof::draft
