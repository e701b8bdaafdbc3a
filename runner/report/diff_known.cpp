#include "runner/report/diff.h"
#include "runner/scenario/loader.h"
#include "runner/scenario/reader.h"

namespace egressproof::report {
namespace {

KnownDifference read_one(scenario::Problems& problems, const scenario::Node& node) {
  using scenario::Need;
  KnownDifference one;
  one.at = node.at;
  scenario::MapReader map(problems, node, "a known difference");
  map.text("case", one.case_name, Need::required);
  map.text("profile", one.profile, Need::required);
  map.text("reason", one.reason, Need::required);
  map.text("reference", one.reference);
  if (const scenario::Node* backends = map.take("backends"))
    for (const auto& backend : scenario::read_texts(problems, *backends, "'backends'"))
      one.backends.push_back(backend.text);
  map.finish();
  return one;
}

}  // namespace

Result<std::vector<KnownDifference>> known_differences(const std::string& file, const std::string& text) {
  const scenario::ParsedYaml parsed = scenario::parse_yaml(file, text);
  scenario::Problems problems;
  for (const auto& problem : parsed.problems) problems.add(problem);
  std::vector<KnownDifference> list;
  for (const auto& document : parsed.documents)
    for (const scenario::Node& node : scenario::read_list(problems, document.root, "the list of known differences"))
      list.push_back(read_one(problems, node));
  if (problems.count() == 0) return list;
  std::string told;
  for (const Diagnostic& one : problems.take()) told += (told.empty() ? "" : "\n") + scenario::render(one);
  if (told.ends_with('\n')) told.pop_back();
  return fail(ErrorKind::usage, told);
}

}  // namespace egressproof::report
