#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <set>

#include "base/json.h"
#include "runner/cli/exit_code.h"
#include "runner/cli/suite_source.h"
#include "runner/cli/verbs.h"
#include "runner/cli/wire.h"
#include "runner/run/case_text.h"

namespace egressproof::cli {
namespace {

struct ListOptions {
  std::vector<std::string> paths;
  plan::Selection selection;
  bool count = false, json = false;
};

// One row of the matrix: a case, or a variant of it.
struct ListedRow {
  std::string id;
  run::FoundCase place;
  std::map<std::string, std::string> codes;  // by profile
};

struct ListedScenario {
  std::string name, title, requirement;
  std::vector<std::string> profiles;  // those with a cell, in suite order
  std::vector<ListedRow> rows;
};

std::vector<ListedScenario> listed(const scenario::Suite& suite, const plan::Plan& plan) {
  std::vector<ListedScenario> all;
  for (const plan::Cell& cell : plan.cells) {
    const run::FoundCase place = run::find_case(suite, cell.scenario, cell.case_id);
    if (all.empty() || all.back().name != cell.scenario)
      all.push_back({cell.scenario, place.scenario->title, place.scenario->requirement, {}, {}});
    auto& rows = all.back().rows;
    if (rows.empty() || rows.back().id != cell.case_id) rows.push_back({cell.case_id, place, {}});
    rows.back().codes[cell.profile] = code_of(cell.expectation);
  }
  for (ListedScenario& scenario : all)
    for (const scenario::Profile& profile : suite.profiles)
      if (std::any_of(scenario.rows.begin(), scenario.rows.end(),
                      [&](const ListedRow& row) { return row.codes.count(profile.name) != 0; }))
        scenario.profiles.push_back(profile.name);
  return all;
}

std::string padded(const std::string& text, std::size_t width) {
  return text.size() >= width ? text : text + std::string(width - text.size(), ' ');
}

void write_text(const scenario::Suite& suite, const std::vector<ListedScenario>& scenarios) {
  std::size_t widest = 4;
  for (const ListedScenario& scenario : scenarios)
    for (const ListedRow& row : scenario.rows) widest = std::max(widest, row.id.size());
  for (const ListedScenario& scenario : scenarios) {
    std::cout << scenario.name << "  " << scenario.title << "\n  " << scenario.requirement << "\n\n  "
              << padded("case", widest);
    for (const std::string& profile : scenario.profiles) std::cout << "  " << padded(profile, 3);
    std::cout << "  title\n";
    const scenario::Case* last = nullptr;
    for (const ListedRow& row : scenario.rows) {
      std::string line = "  " + padded(row.id, widest);
      for (const std::string& profile : scenario.profiles) {
        const auto code = row.codes.find(profile);
        line += "  " + padded(code == row.codes.end() ? "." : code->second, std::max<std::size_t>(3, profile.size()));
      }
      if (row.place.found != last) line += "  " + row.place.found->title;
      last = row.place.found;
      line.erase(line.find_last_not_of(' ') + 1);
      std::cout << line << '\n';
    }
    std::cout << '\n';
  }
  for (const scenario::Profile& profile : suite.profiles)
    if (std::any_of(scenarios.begin(), scenarios.end(), [&](const ListedScenario& one) {
          return std::count(one.profiles.begin(), one.profiles.end(), profile.name) != 0;
        }))
      std::cout << padded(profile.name, 5) << ' ' << profile.title << '\n';
  std::cout
      << "A allow, D deny, R reroute, L leak (documented hole), X outage, ~ implementation-defined, . not applicable\n";
}

struct Counts {
  std::set<const scenario::Case*> cases;
  std::size_t rows = 0, cells = 0, bypass_rows = 0, bypass_cells = 0;
  std::vector<std::pair<std::string, std::size_t>> per_profile;
  // Rows and cells that not every backend can carry out, by what they need ("kubernetes, knative").
  std::map<std::string, std::pair<std::size_t, std::size_t>> per_need;
};

std::string needs_of(const scenario::Case& one) {
  std::string all;
  for (const std::string& need : one.needs) all += (all.empty() ? "" : ", ") + need;
  return all;
}

Counts counts_of(const scenario::Suite& suite, const std::vector<ListedScenario>& scenarios) {
  Counts counts;
  for (const scenario::Profile& profile : suite.profiles) counts.per_profile.emplace_back(profile.name, 0);
  for (const ListedScenario& scenario : scenarios)
    for (const ListedRow& row : scenario.rows) {
      const auto& tags = row.place.found->tags;
      const bool bypass = std::find(tags.begin(), tags.end(), "bypass") != tags.end();
      counts.cases.insert(row.place.found);
      ++counts.rows;
      counts.cells += row.codes.size();
      if (bypass) {
        ++counts.bypass_rows;
        counts.bypass_cells += row.codes.size();
      }
      for (auto& [profile, cells] : counts.per_profile) cells += row.codes.count(profile);
      if (row.place.found->needs.empty()) continue;
      auto& [rows, cells] = counts.per_need[needs_of(*row.place.found)];
      ++rows;
      cells += row.codes.size();
    }
  return counts;
}

void write_counts(const Counts& counts) {
  std::cout << "cases             " << counts.cases.size() << "\nrows              " << counts.rows
            << " (a variant is a row)\ncells             " << counts.cells << "\nbypass attempts   "
            << counts.bypass_rows << " rows, " << counts.bypass_cells << " cells\n";
  for (const auto& [needs, count] : counts.per_need)
    std::cout << "needs " << needs << ": " << count.first << " rows, " << count.second << " cells\n";
  for (const auto& [profile, cells] : counts.per_profile)
    if (cells != 0) std::cout << "cells in " << padded(profile, 9) << cells << '\n';
}

Json to_json(const Counts& counts) {
  Json profiles = Json::object();
  for (const auto& [profile, cells] : counts.per_profile) profiles[profile] = cells;
  Json needs = Json::object();
  for (const auto& [need, count] : counts.per_need) needs[need] = {{"rows", count.first}, {"cells", count.second}};
  return {{"cases", counts.cases.size()},
          {"rows", counts.rows},
          {"cells", counts.cells},
          {"bypass_rows", counts.bypass_rows},
          {"bypass_cells", counts.bypass_cells},
          {"by_need", needs},
          {"cells_by_profile", profiles}};
}

Json to_json(const std::vector<ListedScenario>& scenarios) {
  Json list = Json::array();
  for (const ListedScenario& scenario : scenarios) {
    Json rows = Json::array();
    for (const ListedRow& row : scenario.rows) {
      const scenario::Case& found = *row.place.found;
      rows.push_back({{"id", row.id},
                      {"title", found.title},
                      {"tags", found.tags},
                      {"needs", found.needs},
                      {"reference", found.reference},
                      {"expect", row.codes}});
    }
    list.push_back({{"name", scenario.name},
                    {"title", scenario.title},
                    {"requirement", scenario.requirement},
                    {"profiles", scenario.profiles},
                    {"rows", rows}});
  }
  return list;
}

int list(const ListOptions& options) {
  const auto suite = load_suite(options.paths);
  if (!suite) return fail_with(suite.error());
  const auto plan = plan::make(*suite, options.selection, all_capabilities(*suite), "list");
  if (!plan) return fail_with(plan.error());
  const auto scenarios = listed(*suite, *plan);
  const Counts counts = counts_of(*suite, scenarios);
  if (options.json)
    std::cout << (options.count ? to_json(counts)
                                : Json{{"counts", to_json(counts)}, {"scenarios", to_json(scenarios)}})
                     .dump(2)
              << '\n';
  else if (options.count)
    write_counts(counts);
  else
    write_text(*suite, scenarios);
  return run::exit_matched;
}

}  // namespace

Verb add_list(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("list", "Show the cases and what is expected of them");
  auto options = std::make_shared<ListOptions>();
  verb->add_option("PATHS", options->paths, "scenario files and folders; default: the folder 'scenarios'");
  add_selection(*verb, options->selection);
  verb->add_flag("--count", options->count, "numbers of cases, rows, cells and bypass attempts");
  verb->add_flag("--json", options->json, "as JSON");
  verb->footer(
      "Examples:\n"
      "  egressproof list\n"
      "  egressproof list --count\n"
      "  egressproof list --tag bypass --profile P4 --json");
  return [options] { return list(*options); };
}

}  // namespace egressproof::cli
