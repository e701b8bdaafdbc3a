// One result, many forms. docs/report-format.md; docs/report.schema.json.
#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "runner/evidence/evidence.h"
#include "runner/verdict/verdict.h"

namespace egressproof::report {

// What a reader needs of a case to understand its row; taken from the suite.
struct CaseText {
  std::string scenario, id, title, reference, why, fix;
};

// Heads a group of rows.
struct ScenarioText {
  std::string name, title, requirement;
};

// One object of a profile's policies and where it was written.
struct PolicyText {
  std::string kind, name;
  Location at;
};

struct Report {
  int schema = 1;
  std::string tool_version;
  std::string run_id;
  std::string seed;
  std::string backend;
  std::map<std::string, std::string> versions;  // under test
  std::string started_at;                       // RFC 3339, UTC
  std::map<std::string, double> seconds;        // phase -> duration
  std::vector<std::string> profiles;            // columns, in order
  std::map<std::string, std::string> profile_titles;
  std::vector<CaseText> cases;  // rows, in order
  evidence::Evidence evidence;
  verdict::Judged judged;
  std::vector<plan::Skip> skips;
  std::string aborted;  // why the run did not finish; empty if it did
  int exit_code = 0;
  std::vector<ScenarioText> scenarios;                      // in order; one that is missing is headed by its name alone
  std::map<std::string, std::vector<PolicyText>> policies;  // profile -> its policy objects, in order
};

struct TextOptions {
  bool colour = false;
  int width = 120;       // columns of the terminal
  bool verbose = false;  // explain passes too
};

void write_text(const Report& report, const TextOptions& options, std::ostream& out);
Json to_json(const Report& report);                                                     // the whole report, schema 1
std::string to_ndjson_line(const evidence::Row& row, const verdict::Finding& finding);  // one cell, without newline
void write_ndjson(const Report& report, std::ostream& out);  // {"type":"run"}, {"type":"cell"}..., {"type":"summary"}
void write_junit(const Report& report, std::ostream& out);

// Counts of Status, by name, all statuses present.
std::map<std::string, int> totals(const Report& report);

// 0 every cell ran and matched (at least one ran); 1 a mismatch (fail or news); 3 aborted by the environment; 4 an
// inconclusive or error cell, lost receipts or another error of the run; 5 nothing ran. An aborted run is 3 whatever it
// found so far; a mismatch wins over inconclusive.
int exit_code(const Report& report);

// The curl command line that sends the same request, quoted for a POSIX shell (bash where bytes need it); "" for what
// curl cannot send. For a handshake alone curl's line sends a request too, after the handshake.
std::string curl_line(const probe::Attempt& attempt);

}  // namespace egressproof::report
