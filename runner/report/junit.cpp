#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <sstream>

#include "runner/report/cells.h"
#include "runner/report/explain.h"
#include "runner/report/markup.h"
#include "runner/report/names.h"
#include "runner/report/printable.h"

namespace egressproof::report {
namespace {

using verdict::Status;

// U+FFFE and U+FFFF are valid UTF-8 but no XML.
std::string shown(std::string_view text) {
  std::string out = printable(text);
  for (const auto* banned : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"})
    for (std::size_t at = out.find(banned); at != std::string::npos; at = out.find(banned, at))
      out.replace(at, 3, "\xEF\xBF\xBD");
  return markup_escaped(out);
}

std::string attribute(const char* name, std::string_view value) {
  return " " + std::string(name) + "=\"" + shown(value) + "\"";
}

std::string content(const std::string& lines) {
  std::string out;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) out += shown(line) + "\n";
  return out;
}

struct Counts {
  int tests = 0, failures = 0, errors = 0, skipped = 0;
  double seconds = 0;
};

std::string attributes(const Counts& counts) {
  return fmt::format(" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.6f}\"", counts.tests,
                     counts.failures, counts.errors, counts.skipped, counts.seconds);
}

// The test cases of one suite, written before the suite's head is known.
struct Suite {
  std::string name;
  Counts counts;
  std::ostringstream cases;
};

double seconds_of(const evidence::Row& row) {
  if (!row.probe.observed) return 0;
  const auto took = row.probe.observed->finished_at - row.probe.observed->started_at;
  return std::max(0.0, std::chrono::duration<double>(took).count());
}

void open_case(Suite& suite, const std::string& name, double seconds) {
  ++suite.counts.tests;
  suite.counts.seconds += seconds;
  suite.cases << "    <testcase" << attribute("classname", suite.name) << attribute("name", name)
              << fmt::format(" time=\"{:.6f}\"", seconds);
}

void add_cell(Suite& suite, const Report& report, const CellView& cell) {
  const evidence::Row* row = cell.row;
  const verdict::Finding* finding = cell.finding;
  open_case(suite, finding->case_id + " [" + finding->profile + "]", seconds_of(*row));
  auto& out = suite.cases;
  out << ">\n      <properties>\n";
  const auto property = [&](const char* name, const std::string& value) {
    out << "        <property" << attribute("name", name) << attribute("value", value) << "/>\n";
  };
  property("status", to_string(finding->status));
  property("verdict", to_string(finding->verdict));
  property("expected", to_string(finding->expectation.expect) + " (" + to_string(finding->expectation.stance) + ")");
  out << "      </properties>\n";
  std::ostringstream told;
  explain(report, cell, 120, told);
  const auto bad = [&](const char* element, const std::string& type, int& count) {
    ++count;
    out << "      <" << element << attribute("type", type) << attribute("message", finding->because) << ">\n"
        << content(told.str()) << "</" << element << ">\n";
  };
  // Neither passed nor failed: JUnit has no other word for it.
  const auto seen = [&](const std::string& label) {
    ++suite.counts.skipped;
    out << "      <skipped" << attribute("message", label + ": " + finding->because) << "/>\n      <system-out>\n"
        << content(told.str()) << "</system-out>\n";
  };
  switch (finding->status) {
    case Status::pass:
      break;
    case Status::known_leak:
      seen("KNOWN-LEAK");
      break;
    case Status::recorded:
      seen("RECORDED " + to_string(finding->verdict));
      break;
    case Status::news:
      bad("failure", "NEWS", suite.counts.failures);
      break;
    case Status::fail:
      bad("failure", to_string(finding->verdict), suite.counts.failures);
      break;
    case Status::inconclusive:
      bad("error", "INCONCLUSIVE", suite.counts.errors);
      break;
    case Status::error:
      bad("error", "ERROR", suite.counts.errors);
      break;
  }
  out << "    </testcase>\n";
}

void add_skip(Suite& suite, const plan::Skip& skip) {
  open_case(suite,
            (skip.case_id.empty() ? "all cases" : skip.case_id) + " [" +
                (skip.profile.empty() ? "all profiles" : skip.profile) + "]",
            0);
  ++suite.counts.skipped;
  suite.cases << ">\n      <skipped" << attribute("message", skip.reason) << "/>\n    </testcase>\n";
}

// What concerns the run as a whole must not be invisible to a reader of JUnit: a case of its own.
void add_run_error(Suite& suite, const char* name, const std::string& type, const std::string& message) {
  open_case(suite, name, 0);
  ++suite.counts.errors;
  suite.cases << ">\n      <error" << attribute("type", type) << attribute("message", message)
              << "/>\n    </testcase>\n";
}

}  // namespace

void write_junit(const Report& report, std::ostream& out) {
  std::deque<Suite> suites;
  const auto suite_of = [&](const std::string& name) -> Suite& {
    for (auto& one : suites)
      if (one.name == name) return one;
    suites.emplace_back().name = name;
    return suites.back();
  };
  const Cells cells = cells_of(report);
  if (!report.aborted.empty()) add_run_error(suite_of("egressproof"), "run", "ABORTED", report.aborted);
  if (report.aborted.empty() && cells.list.empty())
    add_run_error(suite_of("egressproof"), "selection", "NOTHING-RAN", "no cell ran, so nothing is proven");
  if (!cells.list.empty() && !report.evidence.receipts_complete)
    add_run_error(suite_of("egressproof"), "receipts", "INCOMPLETE", "the receipts of the targets are incomplete");
  for (const auto& error : report.evidence.errors) add_run_error(suite_of("egressproof"), "evidence", "ERROR", error);
  for (const CellView& cell : cells.list) add_cell(suite_of(cell.finding->scenario), report, cell);
  for (const auto& skip : report.skips) add_skip(suite_of(skip.scenario), skip);

  Counts all;
  for (const auto& suite : suites) {
    all.tests += suite.counts.tests;
    all.failures += suite.counts.failures;
    all.errors += suite.counts.errors;
    all.skipped += suite.counts.skipped;
    all.seconds += suite.counts.seconds;
  }
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" << attribute("name", "egressproof")
      << attributes(all) << ">\n";
  for (const auto& suite : suites)
    out << "  <testsuite" << attribute("name", suite.name) << attributes(suite.counts)
        << attribute("timestamp", report.started_at) << ">\n"
        << suite.cases.str() << "  </testsuite>\n";
  out << "</testsuites>\n";
}

}  // namespace egressproof::report
