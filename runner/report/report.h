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

// Design section 9: 0 every selected cell ran and matched (at least one ran); 1 a mismatch (fail or news); 3 aborted by
// the environment; 4 an inconclusive or error cell, lost receipts; 5 nothing ran. Mismatch wins over inconclusive.
int exit_code(const Report& report);

// The curl command line that sends the same request (as far as curl can); "" for what curl cannot send.
std::string curl_line(const probe::Attempt& attempt);

}  // namespace egressproof::report
