#include "runner/plan/select.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/nearest.h"

namespace egressproof::plan {
namespace {

bool among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool glob_fits(const std::string& glob, const std::string& text) {
  return ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
}

// A glob without '/' is about the case alone, whatever its scenario; the glob of a case takes all its variants.
bool glob_fits(const std::string& glob, const RowName& row) {
  const std::string before = glob.find('/') == std::string::npos ? "" : row.scenario + "/";
  return glob_fits(glob, before + row_id(row)) || glob_fits(glob, before + row.case_id);
}

std::vector<RowName> rows_of(const scenario::Suite& suite) {
  std::vector<RowName> rows;
  for (const scenario::Scenario& scenario : suite.scenarios)
    for (const scenario::Case& one : scenario.cases) {
      if (one.variants.empty()) rows.push_back({scenario.name, one.id, ""});
      for (const scenario::Variant& variant : one.variants) rows.push_back({scenario.name, one.id, variant.name});
    }
  return rows;
}

tl::unexpected<Error> unknown(const std::string& what, const std::string& word, const std::vector<std::string>& known) {
  const auto close = nearest(word, known);
  return fail(ErrorKind::usage, "no " + what + " '" + word + "'" + (close ? " (did you mean '" + *close + "'?)" : ""));
}

Result<void> check_names(const std::string& what, const std::vector<std::string>& asked,
                         const std::vector<std::string>& known) {
  for (const std::string& name : asked)
    if (!among(known, name)) return unknown(what, name, known);
  return {};
}

Result<void> check_globs(const std::vector<std::string>& globs, const std::vector<RowName>& rows) {
  for (const std::string& glob : globs) {
    if (std::any_of(rows.begin(), rows.end(), [&](const RowName& row) { return glob_fits(glob, row); })) continue;
    if (std::any_of(rows.begin(), rows.end(), [&](const RowName& row) { return row.scenario == glob; }))
      return fail(ErrorKind::usage, "no case '" + glob + "', but a scenario: '" + glob + "/*' are its cases");
    std::vector<std::string> known;
    for (const RowName& row : rows) {
      const std::string before = glob.find('/') == std::string::npos ? "" : row.scenario + "/";
      known.push_back(before + row.case_id);
      known.push_back(before + row_id(row));
    }
    return unknown("case", glob, known);
  }
  return {};
}

}  // namespace

std::string row_id(const RowName& row) { return row.variant.empty() ? row.case_id : row.case_id + "." + row.variant; }

Result<Picker> Picker::create(const scenario::Suite& suite, const Selection& selection) {
  std::vector<std::string> scenarios;
  std::vector<std::string> profiles;
  std::vector<std::string> tags;
  for (const scenario::Profile& one : suite.profiles) profiles.push_back(one.name);
  for (const scenario::Scenario& scenario : suite.scenarios) {
    scenarios.push_back(scenario.name);
    for (const scenario::Case& one : scenario.cases) tags.insert(tags.end(), one.tags.begin(), one.tags.end());
  }
  return check_names("scenario", selection.scenarios, scenarios)
      .and_then([&] { return check_globs(selection.cases, rows_of(suite)); })
      .and_then([&] { return check_names("profile", selection.profiles, profiles); })
      .and_then([&] { return check_names("tag", selection.tags, tags); })
      .map([&] { return Picker(selection); });
}

bool Picker::picks(const RowName& row, const scenario::Case& one) const {
  const auto& [cases, profiles, scenarios, tags] = selection_;
  if (!scenarios.empty() && !among(scenarios, row.scenario)) return false;
  if (!tags.empty() &&
      std::none_of(tags.begin(), tags.end(), [&](const std::string& tag) { return among(one.tags, tag); }))
    return false;
  return cases.empty() ||
         std::any_of(cases.begin(), cases.end(), [&](const std::string& glob) { return glob_fits(glob, row); });
}

bool Picker::picks(const scenario::Profile& profile) const {
  return selection_.profiles.empty() || among(selection_.profiles, profile.name);
}

}  // namespace egressproof::plan
