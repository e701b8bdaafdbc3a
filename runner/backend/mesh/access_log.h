// Envoy's access log: the format that the harness asks for, and its lines to records.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runner/policy/mesh_record.h"

namespace egressproof::backend::mesh {

// MeshConfig.accessLogFormat with encoding JSON: one object a line, with the fields of policy::MeshRecord.
extern const char* const access_log_format;

struct AccessLog {
  std::vector<policy::MeshRecord> records;
  int malformed = 0;  // lines that look like a record and cannot be read: a witness that was tampered with or cut
  std::size_t consumed = 0;  // bytes of whole lines; what follows is still being written
};

// Pure. Lines of `access_log_format`, or of Istio's own JSON format (accessLogEncoding JSON without a format): there
// the nonce is told by the path alone. `content`: from the beginning of a line of pod `proxy`'s log; lines that are not
// records (the agent's own) are passed over.
AccessLog parse_access_log(std::string_view proxy, std::string_view content);

// Connections that must have left a record: how many there were from each end of the client to each address dialled.
using ExpectedRecords = std::map<std::pair<std::string, std::string>, int>;

// How many of `expected` have no record. A record belongs to the connection with its downstream and destination, and
// otherwise to any to its destination: the client's port as the proxy sees it is another one where REDIRECT had to
// avoid a port that was in use lately (docs/lab.md).
int without_record(const ExpectedRecords& expected, const std::vector<policy::MeshRecord>& records);

// Follows one proxy's growing log.
class AccessLogReader {
 public:
  AccessLogReader(std::string proxy, std::filesystem::path path) : proxy_(std::move(proxy)), path_(std::move(path)) {}
  // Reads what was added. Errors: kind environment: not readable, or malformed lines.
  Result<void> read_on();
  [[nodiscard]] const std::vector<policy::MeshRecord>& records() const { return records_; }

 private:
  std::string proxy_;
  std::filesystem::path path_;
  std::size_t offset_ = 0;
  std::vector<policy::MeshRecord> records_;
};

}  // namespace egressproof::backend::mesh
